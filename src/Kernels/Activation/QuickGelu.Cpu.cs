using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class QuickGelu
{
    /// <summary>One vector of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TVector, TLanes>(TVector x)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector exponential = TLanes.Exp(TLanes.Multiply(x, TLanes.Broadcast(-Slope)));
        return TLanes.Divide(x, TLanes.Add(TLanes.Broadcast(1), exponential));
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
