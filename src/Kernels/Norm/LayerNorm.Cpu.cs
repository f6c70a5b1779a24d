using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form: three passes over a row, which stays in the L1 cache between them.</content>
public static unsafe partial class LayerNorm
{
    /// <summary>y = norm(x) for a range of rows; parameters as in the definition.</summary>
    public static void Cpu<TVector, TLanes>(
        float* x, nint xStride, float* weight, float* bias, float epsilon, float* y, nint yStride, int columns, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            float* source = x + (row * xStride);
            float mean = Sum<TVector, TLanes>(source, columns) / columns;
            float variance = SumOfSquares<TVector, TLanes>(source, mean, columns) / columns;
            Normalize<TVector, TLanes>(source, weight, bias, mean, variance + epsilon, y + (row * yStride), columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum<TVector, TLanes>(float* x, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        int c = 0;
        for (; c <= columns - (4 * width); c += 4 * width)
        {
            s0 = TLanes.Add(s0, TLanes.Load(x + c));
            s1 = TLanes.Add(s1, TLanes.Load(x + c + width));
            s2 = TLanes.Add(s2, TLanes.Load(x + c + (2 * width)));
            s3 = TLanes.Add(s3, TLanes.Load(x + c + (3 * width)));
        }
        for (; c <= columns - width; c += width)
            s0 = TLanes.Add(s0, TLanes.Load(x + c));
        if (c < columns)
            s1 = TLanes.Add(s1, TLanes.LoadPartial(x + c, columns - c));
        return TLanes.Sum(TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumOfSquares<TVector, TLanes>(float* x, float mean, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector center = TLanes.Broadcast(mean);
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        int c = 0;
        for (; c <= columns - (4 * width); c += 4 * width)
        {
            TVector x0 = TLanes.Subtract(TLanes.Load(x + c), center);
            TVector x1 = TLanes.Subtract(TLanes.Load(x + c + width), center);
            TVector x2 = TLanes.Subtract(TLanes.Load(x + c + (2 * width)), center);
            TVector x3 = TLanes.Subtract(TLanes.Load(x + c + (3 * width)), center);
            s0 = TLanes.MultiplyAdd(x0, x0, s0);
            s1 = TLanes.MultiplyAdd(x1, x1, s1);
            s2 = TLanes.MultiplyAdd(x2, x2, s2);
            s3 = TLanes.MultiplyAdd(x3, x3, s3);
        }
        for (; c <= columns - width; c += width)
        {
            TVector x0 = TLanes.Subtract(TLanes.Load(x + c), center);
            s0 = TLanes.MultiplyAdd(x0, x0, s0);
        }
        float sum = TLanes.Sum(TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)));

        // The lanes beyond the last column would count as -mean, so the tail is not a vector.
        for (; c < columns; c++)
            sum += (x[c] - mean) * (x[c] - mean);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalize<TVector, TLanes>(
        float* x, float* weight, float* bias, float mean, float variance, float* y, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector center = TLanes.Broadcast(mean);
        TVector scale = TLanes.Broadcast(1 / MathF.Sqrt(variance));
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
        {
            TVector normalized = TLanes.Multiply(TLanes.Subtract(TLanes.Load(x + c), center), scale);
            TLanes.Store(TLanes.MultiplyAdd(normalized, TLanes.Load(weight + c), TLanes.Load(bias + c)), y + c);
        }
        int rest = columns - c;
        if (rest > 0)
        {
            TVector normalized = TLanes.Multiply(TLanes.Subtract(TLanes.LoadPartial(x + c, rest), center), scale);
            TVector affine = TLanes.MultiplyAdd(normalized, TLanes.LoadPartial(weight + c, rest), TLanes.LoadPartial(bias + c, rest));
            TLanes.StorePartial(affine, y + c, rest);
        }
    }
}
