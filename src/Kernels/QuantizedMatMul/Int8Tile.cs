using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The int8 register tile in intrinsics: 4 rows of activations by 2 vectors of columns, or one row by 4, and the fp32 sums in the L1
/// cache. See <see cref="Int8TileArguments"/> for what it computes; <see cref="Int8TileCode"/> is the same in assembled code.
/// </summary>
public static unsafe class Int8Tile
{
    /// <summary>Weight rows, outputs, of a tile.</summary>
    public const int Columns = 64;

    private const int Rows = 4;
    private const int Steps = ActivationBlock.Length / 4;

    /// <summary>Multiplies the next rows, at most <paramref name="rows"/>, and returns how many.</summary>
    internal static int Multiply<TVector, TDots, TQuants>(in Int8TileArguments arguments, int rows)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
        where TQuants : IInt8Quants
    {
        if (rows < Rows)
        {
            for (int column = 0; column < Columns; column += Math.Min(TDots.Bytes, Columns))
                OneRow<TVector, TDots, TQuants>(arguments, column);
            return 1;
        }
        for (int column = 0; column < Columns; column += TDots.Bytes / 2)
            FourRows<TVector, TDots, TQuants>(arguments, column);
        return Rows;
    }

    private static void FourRows<TVector, TDots, TQuants>(in Int8TileArguments arguments, int column)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
        where TQuants : IInt8Quants
    {
        ActivationBlock* a0 = arguments.A;
        nint stride = arguments.AStride;
        float* scales = arguments.Scales + column;
        float* totals = arguments.Sums + column;
        byte* end = arguments.WeightsEnd;
        int steps = Steps / TQuants.Scaling.Groups();
        int second = TDots.Bytes / 4;
        for (byte* w = arguments.Weights + (column * 4); w < end; w += arguments.WeightStride)
        {
            var a1 = (ActivationBlock*)((byte*)a0 + stride);
            var a2 = (ActivationBlock*)((byte*)a1 + stride);
            var a3 = (ActivationBlock*)((byte*)a2 + stride);
            for (int group = 0; group < TQuants.Scaling.Groups(); group++)
            {
                TVector c00 = default, c01 = default, c10 = default, c11 = default;
                TVector c20 = default, c21 = default, c30 = default, c31 = default;
                for (int step = group * steps; step < (group + 1) * steps; step++)
                {
                    byte* weights = w + (step * PackedBlocks.StepBytes);
                    TVector w0 = TDots.Load(weights);
                    TVector w1 = TDots.Load(weights + TDots.Bytes);
                    TVector x = TDots.Broadcast(a0->Quants + (step * 4));
                    c00 = TDots.Dot(c00, w0, x);
                    c01 = TDots.Dot(c01, w1, x);
                    x = TDots.Broadcast(a1->Quants + (step * 4));
                    c10 = TDots.Dot(c10, w0, x);
                    c11 = TDots.Dot(c11, w1, x);
                    x = TDots.Broadcast(a2->Quants + (step * 4));
                    c20 = TDots.Dot(c20, w0, x);
                    c21 = TDots.Dot(c21, w1, x);
                    x = TDots.Broadcast(a3->Quants + (step * 4));
                    c30 = TDots.Dot(c30, w0, x);
                    c31 = TDots.Dot(c31, w1, x);
                }
                Add<TVector, TDots, TQuants>(c00, a0, group, scales, totals);
                Add<TVector, TDots, TQuants>(c01, a0, group, scales + second, totals + second);
                Add<TVector, TDots, TQuants>(c10, a1, group, scales, totals + Columns);
                Add<TVector, TDots, TQuants>(c11, a1, group, scales + second, totals + Columns + second);
                Add<TVector, TDots, TQuants>(c20, a2, group, scales, totals + (2 * Columns));
                Add<TVector, TDots, TQuants>(c21, a2, group, scales + second, totals + (2 * Columns) + second);
                Add<TVector, TDots, TQuants>(c30, a3, group, scales, totals + (3 * Columns));
                Add<TVector, TDots, TQuants>(c31, a3, group, scales + second, totals + (3 * Columns) + second);
            }
            a0++;
            scales += TQuants.Scaling.Floats();
        }
    }

    private static void OneRow<TVector, TDots, TQuants>(in Int8TileArguments arguments, int column)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
        where TQuants : IInt8Quants
    {
        ActivationBlock* a = arguments.A;
        float* scales = arguments.Scales + column;
        float* totals = arguments.Sums + column;
        byte* end = arguments.WeightsEnd;
        int steps = Steps / TQuants.Scaling.Groups();
        int lanes = TDots.Bytes / 4;
        for (byte* w = arguments.Weights + (column * 4); w < end; w += arguments.WeightStride)
        {
            for (int group = 0; group < TQuants.Scaling.Groups(); group++)
            {
                TVector c0 = default, c1 = default, c2 = default, c3 = default;
                for (int step = group * steps; step < (group + 1) * steps; step++)
                {
                    byte* weights = w + (step * PackedBlocks.StepBytes);
                    TVector x = TDots.Broadcast(a->Quants + (step * 4));
                    c0 = TDots.Dot(c0, TDots.Load(weights), x);
                    c1 = TDots.Dot(c1, TDots.Load(weights + TDots.Bytes), x);
                    c2 = TDots.Dot(c2, TDots.Load(weights + (2 * TDots.Bytes)), x);
                    c3 = TDots.Dot(c3, TDots.Load(weights + (3 * TDots.Bytes)), x);
                }
                Add<TVector, TDots, TQuants>(c0, a, group, scales, totals);
                Add<TVector, TDots, TQuants>(c1, a, group, scales + lanes, totals + lanes);
                Add<TVector, TDots, TQuants>(c2, a, group, scales + (2 * lanes), totals + (2 * lanes));
                Add<TVector, TDots, TQuants>(c3, a, group, scales + (3 * lanes), totals + (3 * lanes));
            }
            a++;
            scales += TQuants.Scaling.Floats();
        }
    }

    /// <summary>Adds the dot products of one group of weights; what depends on the scaling is settled as the JIT compiles it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVector, TDots, TQuants>(TVector dots, ActivationBlock* a, int group, float* scales, float* totals)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
        where TQuants : IInt8Quants
    {
        Int8Scaling scaling = TQuants.Scaling;
        int negatedSum = scaling.Groups() == 1 ? a->NegatedSum : group == 0 ? a->NegatedFirstSum : a->NegatedSum - a->NegatedFirstSum;
        int start = -TDots.Subtracted * negatedSum;
        if (scaling.IsAffine())
        {
            float scaledSum = scaling.Groups() == 1 ? a->ScaledSum : a->Scale * -negatedSum;
            float* minima = scales + ((scaling.Groups() + group) * Columns);
            TDots.AddScaled(dots, start, a->Scale, scales + (group * Columns), minima, scaledSum, totals);
        }
        else
        {
            TDots.AddScaled(dots, start + (negatedSum << TQuants.OffsetShift), a->Scale, scales + (group * Columns), null, 0, totals);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void AddScaled(Vector512<int> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals)
    {
        Vector512<float> dots = Vector512.ConvertToSingle(sums + Vector512.Create(start));
        Vector512<float> total = Vector512.MultiplyAddEstimate(dots, Vector512.Load(scales) * Vector512.Create(scale), Vector512.Load(totals));
        if (minima != null)
            total = Vector512.MultiplyAddEstimate(-Vector512.Load(minima), Vector512.Create(scaledSum), total);
        total.Store(totals);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void AddScaled(Vector256<int> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals)
    {
        Vector256<float> dots = Vector256.ConvertToSingle(sums + Vector256.Create(start));
        Vector256<float> total = Vector256.MultiplyAddEstimate(dots, Vector256.Load(scales) * Vector256.Create(scale), Vector256.Load(totals));
        if (minima != null)
            total = Vector256.MultiplyAddEstimate(-Vector256.Load(minima), Vector256.Create(scaledSum), total);
        total.Store(totals);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void AddScaled(Vector128<int> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals)
    {
        Vector128<float> dots = Vector128.ConvertToSingle(sums + Vector128.Create(start));
        Vector128<float> total = Vector128.MultiplyAddEstimate(dots, Vector128.Load(scales) * Vector128.Create(scale), Vector128.Load(totals));
        if (minima != null)
            total = Vector128.MultiplyAddEstimate(-Vector128.Load(minima), Vector128.Create(scaledSum), total);
        total.Store(totals);
    }
}
