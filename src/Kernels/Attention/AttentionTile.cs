using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The register tiles of attention: scores of queries against a transposed K tile and sums of V rows weighted by
/// probabilities. Six queries by two vectors fill the 16 registers of AVX2 and keep both multipliers of a wider CPU busy.
/// Every output is one chain of fused multiply-adds in ascending order, so the six-query and the one-query form give equal bits.
/// <para>While a tile is used, <c>next</c>, of the same shape, is fetched into the cache.</para>
/// </summary>
internal static unsafe class AttentionTile
{
    /// <summary>Queries that share a register tile; their values lie interleaved, [headDim][6].</summary>
    public const int Queries = 6;

    private const int CacheLine = 16;
    private const int Stride = KvLayout.PagePositions;

    /// <summary>scores[r, j] = sum over d of q[d, r] k[d, j] for six queries and two vectors of positions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixScores<TVector, TLanes>(float* q, float* k, int headDim, float* scores, float* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector s00 = TLanes.Zero, s01 = TLanes.Zero, s10 = TLanes.Zero, s11 = TLanes.Zero, s20 = TLanes.Zero, s21 = TLanes.Zero;
        TVector s30 = TLanes.Zero, s31 = TLanes.Zero, s40 = TLanes.Zero, s41 = TLanes.Zero, s50 = TLanes.Zero, s51 = TLanes.Zero;
        for (int d = 0; d < headDim; d++)
        {
            TVector k0 = TLanes.Load(k);
            TVector k1 = TLanes.Load(k + width);
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
            k += Stride;
            Prefetch<TVector, TLanes>(next, 2);
            next += Stride;
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

    /// <summary>The scores of one query, four vectors of positions: K passes by once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneScores<TVector, TLanes>(float* q, float* k, int headDim, float* scores, float* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        for (int d = 0; d < headDim; d++)
        {
            TVector x = TLanes.Broadcast(q[0]);
            s0 = TLanes.MultiplyAdd(x, TLanes.Load(k), s0);
            s1 = TLanes.MultiplyAdd(x, TLanes.Load(k + width), s1);
            s2 = TLanes.MultiplyAdd(x, TLanes.Load(k + (2 * width)), s2);
            s3 = TLanes.MultiplyAdd(x, TLanes.Load(k + (3 * width)), s3);
            q += Queries;
            k += Stride;
            Prefetch<TVector, TLanes>(next, 4);
            next += Stride;
        }
        TLanes.Store(s0, scores);
        TLanes.Store(s1, scores + width);
        TLanes.Store(s2, scores + (2 * width));
        TLanes.Store(s3, scores + (3 * width));
    }

    /// <summary>sums[r, c] += sum over j of p[r, j] v[j, c] for six queries and two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixSums<TVector, TLanes>(
        float* p, float* v, int positions, int headDim, float* sums, int sumsStride, float* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        float* sums3 = sums + (3 * sumsStride);
        TVector s00 = TLanes.Load(sums), s01 = TLanes.Load(sums + width);
        TVector s10 = TLanes.Load(sums + sumsStride), s11 = TLanes.Load(sums + sumsStride + width);
        TVector s20 = TLanes.Load(sums + (2 * sumsStride)), s21 = TLanes.Load(sums + (2 * sumsStride) + width);
        TVector s30 = TLanes.Load(sums3), s31 = TLanes.Load(sums3 + width);
        TVector s40 = TLanes.Load(sums3 + sumsStride), s41 = TLanes.Load(sums3 + sumsStride + width);
        TVector s50 = TLanes.Load(sums3 + (2 * sumsStride)), s51 = TLanes.Load(sums3 + (2 * sumsStride) + width);
        for (int j = 0; j < positions; j++)
        {
            TVector v0 = TLanes.Load(v);
            TVector v1 = TLanes.Load(v + width);
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
            v += headDim;
            Prefetch<TVector, TLanes>(next, 2);
            next += headDim;
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

    /// <summary>The sums of one query, four vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneSums<TVector, TLanes>(float* p, float* v, int positions, int headDim, float* sums, float* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector s0 = TLanes.Load(sums), s1 = TLanes.Load(sums + width);
        TVector s2 = TLanes.Load(sums + (2 * width)), s3 = TLanes.Load(sums + (3 * width));
        for (int j = 0; j < positions; j++)
        {
            TVector x = TLanes.Broadcast(*p);
            s0 = TLanes.MultiplyAdd(x, TLanes.Load(v), s0);
            s1 = TLanes.MultiplyAdd(x, TLanes.Load(v + width), s1);
            s2 = TLanes.MultiplyAdd(x, TLanes.Load(v + (2 * width)), s2);
            s3 = TLanes.MultiplyAdd(x, TLanes.Load(v + (3 * width)), s3);
            p++;
            v += headDim;
            Prefetch<TVector, TLanes>(next, 4);
            next += headDim;
        }
        TLanes.Store(s0, sums);
        TLanes.Store(s1, sums + width);
        TLanes.Store(s2, sums + (2 * width));
        TLanes.Store(s3, sums + (3 * width));
    }

    /// <summary>The sums of one query for up to one vector of columns, where headDim is no multiple of the forms above.</summary>
    public static void OneSumsPart<TVector, TLanes>(float* p, float* v, int positions, int headDim, float* sums, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        bool whole = columns == TLanes.Width;
        TVector sum = TLanes.Load(sums);
        for (int j = 0; j < positions; j++)
        {
            TVector row = whole ? TLanes.Load(v) : TLanes.LoadPartial(v, columns);
            sum = TLanes.MultiplyAdd(TLanes.Broadcast(p[j]), row, sum);
            v += headDim;
        }
        TLanes.Store(sum, sums);
    }

    /// <summary>
    /// Asks for <paramref name="vectors"/> vectors of the tile that is used next. A tile's rows are read in strips, which the
    /// CPU's own prefetcher follows badly: this doubles the speed of decoding with grouped heads and costs prefill 4%.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch<TVector, TLanes>(float* next, int vectors)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        if (!Sse.IsSupported)
            return;
        for (int i = 0; i < vectors * TLanes.Width; i += CacheLine)
            Sse.Prefetch0(next + i);
    }
}
