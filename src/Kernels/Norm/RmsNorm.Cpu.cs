using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form: the squares and the output are passes of their own; a row stays in the L1 cache between them.</content>
public static unsafe partial class RmsNorm
{
    /// <summary>y = norm(x) for a range of rows; parameters as in the definition.</summary>
    public static void Cpu<TVector, TLanes>(
        float* x, nint xStride, float* weight, float epsilon, float* y, nint yStride, int columns, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            float* source = x + (row * xStride);
            float squares = SumOfSquares<TVector, TLanes>(source, columns);
            Normalize<TVector, TLanes>(source, weight, squares, epsilon, y + (row * yStride), columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumOfSquares<TVector, TLanes>(float* x, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        int c = 0;
        for (; c <= columns - (4 * width); c += 4 * width)
        {
            TVector x0 = TLanes.Load(x + c);
            TVector x1 = TLanes.Load(x + c + width);
            TVector x2 = TLanes.Load(x + c + (2 * width));
            TVector x3 = TLanes.Load(x + c + (3 * width));
            s0 = TLanes.MultiplyAdd(x0, x0, s0);
            s1 = TLanes.MultiplyAdd(x1, x1, s1);
            s2 = TLanes.MultiplyAdd(x2, x2, s2);
            s3 = TLanes.MultiplyAdd(x3, x3, s3);
        }
        for (; c < columns; c += width)
        {
            TVector x0 = columns - c >= width ? TLanes.Load(x + c) : TLanes.LoadPartial(x + c, columns - c);
            s0 = TLanes.MultiplyAdd(x0, x0, s0);
        }
        return TLanes.Sum(TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalize<TVector, TLanes>(float* x, float* weight, float squares, float epsilon, float* y, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector scale = TLanes.Broadcast(1 / MathF.Sqrt((squares / columns) + epsilon));
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
            TLanes.Store(TLanes.Multiply(TLanes.Multiply(TLanes.Load(x + c), scale), TLanes.Load(weight + c)), y + c);
        int rest = columns - c;
        if (rest > 0)
        {
            TVector normalized = TLanes.Multiply(TLanes.LoadPartial(x + c, rest), scale);
            TLanes.StorePartial(TLanes.Multiply(normalized, TLanes.LoadPartial(weight + c, rest)), y + c, rest);
        }
    }
}
