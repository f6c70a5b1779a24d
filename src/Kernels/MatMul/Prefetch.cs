using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>Asks the caches for memory that is read soon; elsewhere than on x86 there is no way to ask, and nothing happens.</summary>
internal static unsafe class Prefetch
{
    private const int CacheLine = 64;

    /// <summary>
    /// Up to four cache lines, into the L2 cache: what is fetched into the L1 cache itself holds up the loads of what is there (on Zen 4
    /// one core then reads at 60% of the rate).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* address, int bytes)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch1(address);
        if (bytes > CacheLine)
            Sse.Prefetch1(address + CacheLine);
        if (bytes > 2 * CacheLine)
        {
            Sse.Prefetch1(address + (2 * CacheLine));
            Sse.Prefetch1(address + (3 * CacheLine));
        }
    }
}
