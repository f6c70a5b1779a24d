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
    internal static int Multiply<TVector, TDots>(in Int8TileArguments arguments, Int8Scaling scaling, int rows)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
    {
        int groups = scaling == Int8Scaling.HalfBlock ? 2 : 1;
        int scaleFloats = (scaling == Int8Scaling.Block ? 1 : 2) * Columns;
        rows = rows < Rows ? 1 : Rows;
        int vectors = rows == 1 ? 4 : 2;
        int passColumns = Math.Min(vectors * TDots.Bytes / 4, Columns);
        for (int column = 0; column < Columns; column += passColumns)
        {
            ActivationBlock* a = arguments.A;
            float* scales = arguments.Scales + column;
            for (byte* w = arguments.Weights + (column * 4); w < arguments.WeightsEnd; w += arguments.WeightStride)
            {
                for (int group = 0; group < groups; group++)
                {
                    var scale = new BlockScale(arguments, scaling, group, scales);
                    int step = group * Steps / groups;
                    int end = step + (Steps / groups);
                    if (rows == 1)
                        OneRow<TVector, TDots>(a, w, step, end, scale, arguments.Sums + column);
                    else
                        FourRows<TVector, TDots>(a, arguments.AStride, w, step, end, scale, arguments.Sums + column);
                }
                a++;
                scales += scaleFloats;
            }
        }
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRows<TVector, TDots>(ActivationBlock* a, nint stride, byte* w, int step, int end, BlockScale scale, float* totals)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
    {
        var a1 = (ActivationBlock*)((byte*)a + stride);
        var a2 = (ActivationBlock*)((byte*)a1 + stride);
        var a3 = (ActivationBlock*)((byte*)a2 + stride);
        TVector c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (; step < end; step++)
        {
            byte* weights = w + (step * PackedBlocks.StepBytes);
            TVector w0 = TDots.Load(weights);
            TVector w1 = TDots.Load(weights + TDots.Bytes);
            TVector x = TDots.Broadcast(a->Quants + (step * 4));
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
        int second = TDots.Bytes / 4;
        scale.Add<TVector, TDots>(c00, a, 0, totals);
        scale.Add<TVector, TDots>(c01, a, second, totals);
        scale.Add<TVector, TDots>(c10, a1, 0, totals + Columns);
        scale.Add<TVector, TDots>(c11, a1, second, totals + Columns);
        scale.Add<TVector, TDots>(c20, a2, 0, totals + (2 * Columns));
        scale.Add<TVector, TDots>(c21, a2, second, totals + (2 * Columns));
        scale.Add<TVector, TDots>(c30, a3, 0, totals + (3 * Columns));
        scale.Add<TVector, TDots>(c31, a3, second, totals + (3 * Columns));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneRow<TVector, TDots>(ActivationBlock* a, byte* w, int step, int end, BlockScale scale, float* totals)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
    {
        int lanes = TDots.Bytes / 4;
        TVector c0 = default, c1 = default, c2 = default, c3 = default;
        for (; step < end; step++)
        {
            byte* weights = w + (step * PackedBlocks.StepBytes);
            TVector x = TDots.Broadcast(a->Quants + (step * 4));
            c0 = TDots.Dot(c0, TDots.Load(weights), x);
            c1 = TDots.Dot(c1, TDots.Load(weights + TDots.Bytes), x);
            c2 = TDots.Dot(c2, TDots.Load(weights + (2 * TDots.Bytes)), x);
            c3 = TDots.Dot(c3, TDots.Load(weights + (3 * TDots.Bytes)), x);
        }
        scale.Add<TVector, TDots>(c0, a, 0, totals);
        scale.Add<TVector, TDots>(c1, a, lanes, totals);
        scale.Add<TVector, TDots>(c2, a, 2 * lanes, totals);
        scale.Add<TVector, TDots>(c3, a, 3 * lanes, totals);
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

    /// <summary>What one group of weights is scaled by.</summary>
    private readonly struct BlockScale(in Int8TileArguments arguments, Int8Scaling scaling, int group, float* scales)
    {
        private readonly float* _scales = scales + (group * Columns);
        private readonly float* _minima = scaling == Int8Scaling.Affine ? scales + Columns : null;
        private readonly int _shift = (int)arguments.OffsetShift;
        private readonly Int8Scaling _scaling = scaling;
        private readonly int _group = group;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add<TVector, TDots>(TVector sums, ActivationBlock* a, int column, float* totals)
            where TVector : struct
            where TDots : IInt8Dots<TVector>
        {
            int start = _scaling switch
            {
                Int8Scaling.Block => a->NegatedSum << _shift,
                Int8Scaling.HalfBlock when _group == 0 => a->NegatedFirstSum << _shift,
                Int8Scaling.HalfBlock => (a->NegatedSum - a->NegatedFirstSum) << _shift,
                _ => 0,
            };
            TDots.AddScaled(
                sums, start, a->Scale, _scales + column, _minima == null ? null : _minima + column, a->ScaledSum, totals + column);
        }
    }
}
