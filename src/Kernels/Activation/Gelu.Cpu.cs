using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class Gelu
{
    /// <summary>One vector of outputs, as max(x, 0) - |x| / 2 erfc(|x| / sqrt 2): no cancellation on either side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TVector, TLanes>(TVector x)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        // From 32 on erfc is 0; the bound keeps infinity times 0 away. A NaN must be the second operand to survive.
        TVector magnitude = TLanes.Min(TLanes.Broadcast(32), TLanes.Max(TLanes.Subtract(TLanes.Zero, x), x));
        TVector erfc = Erfc<TVector, TLanes>(TLanes.Multiply(magnitude, TLanes.Broadcast(0.70710678f)));
        return TLanes.MultiplyAdd(TLanes.Multiply(magnitude, TLanes.Broadcast(-0.5f)), erfc, TLanes.Max(TLanes.Zero, x));
    }

    /// <summary>
    /// 1 - erf(a) for a &gt;= 0 as e^(-a²) p(a) / q(a), with a minimax fit of degree 4 over 5 on [0, 5] (relative error 9e-10)
    /// that falls like 1/a beyond, as it must; within two ulp of 1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Erfc<TVector, TLanes>(TVector a)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector p = TLanes.Broadcast(0.026106117f);
        p = TLanes.MultiplyAdd(p, a, TLanes.Broadcast(0.19609506f));
        p = TLanes.MultiplyAdd(p, a, TLanes.Broadcast(0.66045309f));
        p = TLanes.MultiplyAdd(p, a, TLanes.Broadcast(1.1682945f));
        p = TLanes.MultiplyAdd(p, a, TLanes.Broadcast(1));
        TVector q = TLanes.Broadcast(0.046268862f);
        q = TLanes.MultiplyAdd(q, a, TLanes.Broadcast(0.34765059f));
        q = TLanes.MultiplyAdd(q, a, TLanes.Broadcast(1.1927640f));
        q = TLanes.MultiplyAdd(q, a, TLanes.Broadcast(2.2519701f));
        q = TLanes.MultiplyAdd(q, a, TLanes.Broadcast(2.2966738f));
        q = TLanes.MultiplyAdd(q, a, TLanes.Broadcast(1));
        TVector exponential = TLanes.Exp(TLanes.Subtract(TLanes.Zero, TLanes.Multiply(a, a)));
        return TLanes.Multiply(exponential, TLanes.Divide(p, q));
    }

    /// <summary>A range of rows.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="xStride">Floats from a row of x to the next.</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Cpu<TVector, TLanes>(float* x, nint xStride, float* y, nint yStride, int columns, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
            ApplyRow<TVector, TLanes>(x + (row * xStride), y + (row * yStride), columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyRow<TVector, TLanes>(float* x, float* y, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
            TLanes.Store(Apply<TVector, TLanes>(TLanes.Load(x + c)), y + c);
        int rest = columns - c;
        if (rest > 0)
            TLanes.StorePartial(Apply<TVector, TLanes>(TLanes.LoadPartial(x + c, rest)), y + c, rest);
    }
}
