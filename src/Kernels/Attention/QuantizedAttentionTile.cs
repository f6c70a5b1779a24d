using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The one-query forms of <see cref="AttentionTile"/> over Q8 tiles, which are widened in registers: equal bits, and a quarter of
/// the bytes. For more queries a tile is widened once by <see cref="WidenTile"/>.
/// <para>While a tile is used, <c>next</c>, of the same size, is fetched into the cache.</para>
/// </summary>
internal static unsafe class QuantizedAttentionTile
{
    private const int CacheLine = 64;
    private const int Stride = KvLayout.PagePositions;

    /// <summary>The scores of one query, four vectors of positions from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scores<TVector, TLanes>(float* q, byte* tile, int headDim, int column, float* scores, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        float* scales = KvLayout.Scales(tile, headDim) + column;
        TVector scale0 = TLanes.Load(scales), scale1 = TLanes.Load(scales + width);
        TVector scale2 = TLanes.Load(scales + (2 * width)), scale3 = TLanes.Load(scales + (3 * width));
        TVector s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        sbyte* k = (sbyte*)tile + column;
        for (int d = 0; d < headDim; d++)
        {
            TVector x = TLanes.Broadcast(*q);
            s0 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(k), scale0), s0);
            s1 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(k + width), scale1), s1);
            s2 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(k + (2 * width)), scale2), s2);
            s3 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(k + (3 * width)), scale3), s3);
            q += AttentionTile.Queries;
            k += Stride;
            if (Sse.IsSupported)
                Sse.Prefetch0(next);
            next += CacheLine;
        }
        TLanes.Store(s0, scores);
        TLanes.Store(s1, scores + width);
        TLanes.Store(s2, scores + (2 * width));
        TLanes.Store(s3, scores + (3 * width));
    }

    /// <summary>The sums of one query, four vectors of columns from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sums<TVector, TLanes>(float* p, byte* tile, int positions, int headDim, int column, float* sums, byte* next)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        float* scales = KvLayout.Scales(tile, headDim);
        sbyte* v = (sbyte*)tile + column;
        TVector s0 = TLanes.Load(sums), s1 = TLanes.Load(sums + width);
        TVector s2 = TLanes.Load(sums + (2 * width)), s3 = TLanes.Load(sums + (3 * width));
        for (int j = 0; j < positions; j++)
        {
            TVector x = TLanes.Broadcast(p[j]);
            TVector scale = TLanes.Broadcast(scales[j]);
            s0 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(v), scale), s0);
            s1 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(v + width), scale), s1);
            s2 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(v + (2 * width)), scale), s2);
            s3 = TLanes.MultiplyAdd(x, TLanes.Multiply(TLanes.LoadInt8(v + (3 * width)), scale), s3);
            v += headDim;
            if (Sse.IsSupported)
            {
                for (int line = 0; line < headDim; line += CacheLine)
                    Sse.Prefetch0(next + line);
            }
            next += headDim;
        }
        TLanes.Store(s0, sums);
        TLanes.Store(s1, sums + width);
        TLanes.Store(s2, sums + (2 * width));
        TLanes.Store(s3, sums + (3 * width));
    }

    /// <summary>The sums of one query for the columns from <paramref name="column"/> on, where these are no multiple of the form above.</summary>
    public static void SumsPart<TVector, TLanes>(float* p, byte* tile, int positions, int headDim, int column, float* sums)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* row = stackalloc float[AttentionBlock.WidestVector];
        new Span<float>(row, AttentionBlock.WidestVector).Clear();
        for (; column < headDim; column += TLanes.Width)
        {
            int columns = Math.Min(TLanes.Width, headDim - column);
            TVector sum = TLanes.Load(sums);
            for (int j = 0; j < positions; j++)
            {
                for (int i = 0; i < columns; i++)
                    row[i] = WidenTile.Define(tile, headDim, (j * headDim) + column + i, j);
                sum = TLanes.MultiplyAdd(TLanes.Broadcast(p[j]), TLanes.Load(row), sum);
            }
            TLanes.Store(sum, sums);
            sums += TLanes.Width;
        }
    }
}
