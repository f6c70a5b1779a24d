using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>Loops that do nothing but what a core can do at most: the roof that every other kernel is measured against.</summary>
public static unsafe class Ceiling
{
    /// <summary>Independent sums: enough to hide the latency of a multiply-add, few enough for 16 registers.</summary>
    private const int Chains = 12;

    /// <summary>Floating-point operations of one <see cref="MultiplyAdds{TVector, TLanes}"/> loop.</summary>
    public static long Operations<TVector, TLanes>(long loops)
        where TVector : struct
        where TLanes : ILanes<TVector> => loops * Chains * TLanes.Width * 2;

    /// <summary><paramref name="loops"/> times twelve independent multiply-adds in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float MultiplyAdds<TVector, TLanes>(long loops)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector x = TLanes.Broadcast(0.999f);
        TVector y = TLanes.Broadcast(1e-9f);
        TVector c0 = x, c1 = x, c2 = x, c3 = x, c4 = x, c5 = x, c6 = x, c7 = x, c8 = x, c9 = x, c10 = x, c11 = x;
        for (long i = 0; i < loops; i++)
        {
            c0 = TLanes.MultiplyAdd(c0, x, y);
            c1 = TLanes.MultiplyAdd(c1, x, y);
            c2 = TLanes.MultiplyAdd(c2, x, y);
            c3 = TLanes.MultiplyAdd(c3, x, y);
            c4 = TLanes.MultiplyAdd(c4, x, y);
            c5 = TLanes.MultiplyAdd(c5, x, y);
            c6 = TLanes.MultiplyAdd(c6, x, y);
            c7 = TLanes.MultiplyAdd(c7, x, y);
            c8 = TLanes.MultiplyAdd(c8, x, y);
            c9 = TLanes.MultiplyAdd(c9, x, y);
            c10 = TLanes.MultiplyAdd(c10, x, y);
            c11 = TLanes.MultiplyAdd(c11, x, y);
        }
        TVector sum = TLanes.Add(TLanes.Add(TLanes.Add(c0, c1), TLanes.Add(c2, c3)), TLanes.Add(TLanes.Add(c4, c5), TLanes.Add(c6, c7)));
        return TLanes.Sum(TLanes.Add(sum, TLanes.Add(TLanes.Add(c8, c9), TLanes.Add(c10, c11))));
    }

    /// <summary>
    /// Reads <paramref name="floats"/> floats, a multiple of 64, once: its four quarters side by side, each in order. The memory serves
    /// a core that reads four streams, whose pages lie apart, faster than one that reads a single stream.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Read<TVector, TLanes>(float* source, long floats)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        nint quarter = (nint)(floats / 4);
        for (float* end = source + quarter; source < end; source += TLanes.Width)
        {
            c0 = TLanes.Add(c0, TLanes.Load(source));
            c1 = TLanes.Add(c1, TLanes.Load(source + quarter));
            c2 = TLanes.Add(c2, TLanes.Load(source + (2 * quarter)));
            c3 = TLanes.Add(c3, TLanes.Load(source + (3 * quarter)));
        }
        return TLanes.Sum(TLanes.Add(TLanes.Add(c0, c1), TLanes.Add(c2, c3)));
    }
}
