using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The register tiles of attention: scores of queries against a transposed K tile and sums of V rows weighted by
/// probabilities. Six queries by two vectors fill the 16 registers of AVX2 and keep both multipliers of a wider CPU busy.
/// Every output is one chain of fused multiply-adds in ascending order, so the six-query and the one-query form give equal bits.
/// <para>Tiles of any <see cref="KvElement"/> are widened as they are loaded, to the bits of <see cref="KvLayout.Number"/>.</para>
/// <para>While a tile is used, <c>next</c>, of the same shape, is fetched into the cache.</para>
/// </summary>
internal static unsafe class AttentionTile
{
    /// <summary>Queries that share a register tile; their values lie interleaved, [headDim][6].</summary>
    public const int Queries = 6;

    private const int CacheLine = 64;
    private const int Stride = KvLayout.PagePositions;

    /// <summary>scores[r, j] = sum over d of q[d, r] k[d, j] for six queries and two vectors of positions from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixScores<TVector, TLanes, TElement>(float* q, byte* tile, int headDim, int column, float* scores, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        int width = TLanes.Width;
        nint vector = width * TElement.Bytes;
        nint stride = Stride * TElement.Bytes;
        float* scales = KvLayout.Scales(tile, headDim) + column;
        TVector scale0 = Scale<TVector, TLanes, TElement>(scales), scale1 = Scale<TVector, TLanes, TElement>(scales + width);
        byte* k = tile + (column * TElement.Bytes);
        next += column * TElement.Bytes;
        TVector start0 = TElement.Start<TVector, TLanes>(k), start1 = TElement.Start<TVector, TLanes>(k + vector);
        TVector s00 = start0, s01 = start1, s10 = start0, s11 = start1, s20 = start0, s21 = start1;
        TVector s30 = start0, s31 = start1, s40 = start0, s41 = start1, s50 = start0, s51 = start1;
        for (int d = 0; d < headDim; d++)
        {
            TVector k0 = Widen<TVector, TLanes, TElement>(k, scale0);
            TVector k1 = Widen<TVector, TLanes, TElement>(k + vector, scale1);
            TVector x = TLanes.Broadcast(q[0]);
            s00 = TLanes.MultiplyAdd(x, k0, s00);
            s01 = TLanes.MultiplyAdd(x, k1, s01);
            x = TLanes.Broadcast(q[1]);
            s10 = TLanes.MultiplyAdd(x, k0, s10);
            s11 = TLanes.MultiplyAdd(x, k1, s11);
            x = TLanes.Broadcast(q[2]);
            s20 = TLanes.MultiplyAdd(x, k0, s20);
            s21 = TLanes.MultiplyAdd(x, k1, s21);
            x = TLanes.Broadcast(q[3]);
            s30 = TLanes.MultiplyAdd(x, k0, s30);
            s31 = TLanes.MultiplyAdd(x, k1, s31);
            x = TLanes.Broadcast(q[4]);
            s40 = TLanes.MultiplyAdd(x, k0, s40);
            s41 = TLanes.MultiplyAdd(x, k1, s41);
            x = TLanes.Broadcast(q[5]);
            s50 = TLanes.MultiplyAdd(x, k0, s50);
            s51 = TLanes.MultiplyAdd(x, k1, s51);
            q += Queries;
            k += stride;
            Prefetch(next, 2 * vector);
            next += stride;
        }
        TLanes.Store(s00, scores);
        TLanes.Store(s01, scores + width);
        TLanes.Store(s10, scores + Stride);
        TLanes.Store(s11, scores + Stride + width);
        TLanes.Store(s20, scores + (2 * Stride));
        TLanes.Store(s21, scores + (2 * Stride) + width);
        TLanes.Store(s30, scores + (3 * Stride));
        TLanes.Store(s31, scores + (3 * Stride) + width);
        TLanes.Store(s40, scores + (4 * Stride));
        TLanes.Store(s41, scores + (4 * Stride) + width);
        TLanes.Store(s50, scores + (5 * Stride));
        TLanes.Store(s51, scores + (5 * Stride) + width);
    }

    /// <summary>The scores of one query, four vectors of positions from <paramref name="column"/> on: K passes by once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneScores<TVector, TLanes, TElement>(float* q, byte* tile, int headDim, int column, float* scores, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        int width = TLanes.Width;
        nint vector = width * TElement.Bytes;
        nint stride = Stride * TElement.Bytes;
        float* scales = KvLayout.Scales(tile, headDim) + column;
        TVector scale0 = Scale<TVector, TLanes, TElement>(scales), scale1 = Scale<TVector, TLanes, TElement>(scales + width);
        TVector scale2 = Scale<TVector, TLanes, TElement>(scales + (2 * width)), scale3 = Scale<TVector, TLanes, TElement>(scales + (3 * width));
        byte* k = tile + (column * TElement.Bytes);
        next += column * TElement.Bytes;
        TVector s0 = TElement.Start<TVector, TLanes>(k), s1 = TElement.Start<TVector, TLanes>(k + vector);
        TVector s2 = TElement.Start<TVector, TLanes>(k + (2 * vector)), s3 = TElement.Start<TVector, TLanes>(k + (3 * vector));
        for (int d = 0; d < headDim; d++)
        {
            TVector x = TLanes.Broadcast(*q);
            s0 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(k, scale0), s0);
            s1 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(k + vector, scale1), s1);
            s2 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(k + (2 * vector), scale2), s2);
            s3 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(k + (3 * vector), scale3), s3);
            q += Queries;
            k += stride;
            Prefetch(next, 4 * vector);
            next += stride;
        }
        TLanes.Store(s0, scores);
        TLanes.Store(s1, scores + width);
        TLanes.Store(s2, scores + (2 * width));
        TLanes.Store(s3, scores + (3 * width));
    }

    /// <summary>sums[r, c] += sum over j of p[r, j] v[j, c] for six queries and two vectors of columns from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixSums<TVector, TLanes, TElement>(
        float* p, byte* tile, int positions, int headDim, int column, float* sums, int sumsStride, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        int width = TLanes.Width;
        nint vector = width * TElement.Bytes;
        nint stride = headDim * TElement.Bytes;
        float* scales = KvLayout.Scales(tile, headDim);
        byte* v = tile + (column * TElement.Bytes);
        next += column * TElement.Bytes;
        sums += column;
        float* sums3 = sums + (3 * sumsStride);
        TVector s00 = TLanes.Load(sums), s01 = TLanes.Load(sums + width);
        TVector s10 = TLanes.Load(sums + sumsStride), s11 = TLanes.Load(sums + sumsStride + width);
        TVector s20 = TLanes.Load(sums + (2 * sumsStride)), s21 = TLanes.Load(sums + (2 * sumsStride) + width);
        TVector s30 = TLanes.Load(sums3), s31 = TLanes.Load(sums3 + width);
        TVector s40 = TLanes.Load(sums3 + sumsStride), s41 = TLanes.Load(sums3 + sumsStride + width);
        TVector s50 = TLanes.Load(sums3 + (2 * sumsStride)), s51 = TLanes.Load(sums3 + (2 * sumsStride) + width);
        for (int j = 0; j < positions; j++)
        {
            TVector scale = TElement.IsScaled ? TLanes.Broadcast(scales[j]) : TLanes.Zero;
            TVector v0 = Widen<TVector, TLanes, TElement>(v, scale);
            TVector v1 = Widen<TVector, TLanes, TElement>(v + vector, scale);
            TVector x = TLanes.Broadcast(p[0]);
            s00 = TLanes.MultiplyAdd(x, v0, s00);
            s01 = TLanes.MultiplyAdd(x, v1, s01);
            x = TLanes.Broadcast(p[Stride]);
            s10 = TLanes.MultiplyAdd(x, v0, s10);
            s11 = TLanes.MultiplyAdd(x, v1, s11);
            x = TLanes.Broadcast(p[2 * Stride]);
            s20 = TLanes.MultiplyAdd(x, v0, s20);
            s21 = TLanes.MultiplyAdd(x, v1, s21);
            x = TLanes.Broadcast(p[3 * Stride]);
            s30 = TLanes.MultiplyAdd(x, v0, s30);
            s31 = TLanes.MultiplyAdd(x, v1, s31);
            x = TLanes.Broadcast(p[4 * Stride]);
            s40 = TLanes.MultiplyAdd(x, v0, s40);
            s41 = TLanes.MultiplyAdd(x, v1, s41);
            x = TLanes.Broadcast(p[5 * Stride]);
            s50 = TLanes.MultiplyAdd(x, v0, s50);
            s51 = TLanes.MultiplyAdd(x, v1, s51);
            p++;
            v += stride;
            Prefetch(next, 2 * vector);
            next += stride;
        }
        TLanes.Store(s00, sums);
        TLanes.Store(s01, sums + width);
        TLanes.Store(s10, sums + sumsStride);
        TLanes.Store(s11, sums + sumsStride + width);
        TLanes.Store(s20, sums + (2 * sumsStride));
        TLanes.Store(s21, sums + (2 * sumsStride) + width);
        TLanes.Store(s30, sums3);
        TLanes.Store(s31, sums3 + width);
        TLanes.Store(s40, sums3 + sumsStride);
        TLanes.Store(s41, sums3 + sumsStride + width);
        TLanes.Store(s50, sums3 + (2 * sumsStride));
        TLanes.Store(s51, sums3 + (2 * sumsStride) + width);
    }

    /// <summary>The sums of one query over positions from <paramref name="first"/> on, four vectors of columns from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneSums<TVector, TLanes, TElement>(
        float* p, byte* tile, int first, int end, int headDim, int column, float* sums, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        int width = TLanes.Width;
        nint vector = width * TElement.Bytes;
        nint stride = headDim * TElement.Bytes;
        nint offset = (first * stride) + (column * TElement.Bytes);
        float* scales = KvLayout.Scales(tile, headDim);
        byte* v = tile + offset;
        next += offset;
        sums += column;
        TVector s0 = TLanes.Load(sums), s1 = TLanes.Load(sums + width);
        TVector s2 = TLanes.Load(sums + (2 * width)), s3 = TLanes.Load(sums + (3 * width));
        for (int j = first; j < end; j++)
        {
            TVector x = TLanes.Broadcast(p[j]);
            TVector scale = TElement.IsScaled ? TLanes.Broadcast(scales[j]) : TLanes.Zero;
            s0 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(v, scale), s0);
            s1 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(v + vector, scale), s1);
            s2 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(v + (2 * vector), scale), s2);
            s3 = TLanes.MultiplyAdd(x, Widen<TVector, TLanes, TElement>(v + (3 * vector), scale), s3);
            v += stride;
            Prefetch(next, 4 * vector);
            next += stride;
        }
        TLanes.Store(s0, sums);
        TLanes.Store(s1, sums + width);
        TLanes.Store(s2, sums + (2 * width));
        TLanes.Store(s3, sums + (3 * width));
    }

    /// <summary>
    /// The sums of one query for up to one vector of columns from <paramref name="column"/> on, where headDim is no multiple of the
    /// forms above.
    /// </summary>
    public static void OneSumsPart<TVector, TLanes, TElement>(
        float* p, byte* tile, int first, int end, int headDim, int column, int columns, float* sums)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        float* scales = KvLayout.Scales(tile, headDim);
        float* row = stackalloc float[AttentionBlock.WidestVector];
        new Span<float>(row, AttentionBlock.WidestVector).Clear();
        TVector sum = TLanes.Load(sums + column);
        for (int j = first; j < end; j++)
        {
            byte* v = tile + (((j * headDim) + column) * TElement.Bytes);
            for (int i = 0; i < columns; i++)
                row[i] = TElement.Widen(v + (i * TElement.Bytes)) * (TElement.IsScaled ? scales[j] : 1);
            sum = TLanes.MultiplyAdd(TLanes.Broadcast(p[j]), TLanes.Load(row), sum);
        }
        TLanes.Store(sum, sums + column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Scale<TVector, TLanes, TElement>(float* scales)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement => TElement.IsScaled ? TLanes.Load(scales) : TLanes.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Widen<TVector, TLanes, TElement>(byte* source, TVector scale)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        TVector numbers = TElement.Load<TVector, TLanes>(source);
        return TElement.IsScaled ? TLanes.Multiply(numbers, scale) : numbers;
    }

    /// <summary>
    /// Asks for <paramref name="bytes"/> of the tile that is used next. A tile's rows are read in strips, which the CPU's own
    /// prefetcher follows badly: one query reads a cache of halves three times as fast with it. It asks for the L2 cache: prefetched
    /// into L1, the same loop read half as fast (Zen 4).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* next, nint bytes)
    {
        if (!Sse.IsSupported)
            return;
        for (nint i = 0; i < bytes; i += CacheLine)
            Sse.Prefetch1(next + i);
    }
}
