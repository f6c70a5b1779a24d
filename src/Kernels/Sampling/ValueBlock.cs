using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>A block of values that a search can pass over at vector speed.</summary>
internal static unsafe class ValueBlock
{
    /// <summary>Values of a block.</summary>
    public const int Length = 512;

    /// <summary>Whether a value of the block may be above <paramref name="bound"/>; a NaN may make it true, never false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool MayExceed<TVector, TLanes>(float* x, int length, float bound)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector m0 = TLanes.Broadcast(bound), m1 = m0, m2 = m0, m3 = m0;
        int i = 0;
        // max(x, m) drops a NaN in x on x86, where it gives its second operand, and keeps it on Arm.
        for (; i <= length - (4 * width); i += 4 * width)
        {
            m0 = TLanes.Max(TLanes.Load(x + i), m0);
            m1 = TLanes.Max(TLanes.Load(x + i + width), m1);
            m2 = TLanes.Max(TLanes.Load(x + i + (2 * width)), m2);
            m3 = TLanes.Max(TLanes.Load(x + i + (3 * width)), m3);
        }
        float largest = TLanes.MaxLane(TLanes.Max(TLanes.Max(m0, m1), TLanes.Max(m2, m3)));
        if (!(largest <= bound))
            return true;
        for (; i < length; i++)
        {
            if (x[i] > bound)
                return true;
        }
        return false;
    }
}
