using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>Asks the caches for memory that is read soon; elsewhere than on x86 there is no way to ask, and nothing happens.</summary>
internal static unsafe class Prefetch
{
    private const int CacheLine = 64;

    /// <summary>Up to four cache lines that are read once, kept out of the way of what stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Stream(byte* address, int bytes)
    {
        if (!Sse.IsSupported)
            return;
        Sse.PrefetchNonTemporal(address);
        if (bytes > CacheLine)
            Sse.PrefetchNonTemporal(address + CacheLine);
        if (bytes > 2 * CacheLine)
        {
            Sse.PrefetchNonTemporal(address + (2 * CacheLine));
            Sse.PrefetchNonTemporal(address + (3 * CacheLine));
        }
    }
}
