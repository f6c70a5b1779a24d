using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M = 1: a stream over the weights as they are stored, each byte read once. Rows are cut into eight bands that are
/// passed over side by side, a row of each at a time: the memory then serves eight streams of one core, whose pages lie far apart, at
/// once, where along one row it fetches ahead only to the end of a page. The order of summation is that of the tiles, so a row of A
/// gives the same bits alone and among others.
/// </content>
public static unsafe partial class MatMul
{
    internal const int Bands = 8;
    private const int LongestLanes = 16;

    /// <summary>Chunks that one call of <see cref="Float16RowsCode"/> adds up: all that a row has, but for very long ones.</summary>
    private const int ChunksTogether = 16;
    private const int LanesOfRows = ChunksTogether * Bands * LongestLanes;

    /// <summary>How far ahead in each band weights are prefetched.</summary>
    internal const int BytesAhead = 1536;

    /// <summary>Outputs [<paramref name="first"/>, <paramref name="end"/>) of the only row of A.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="first">The first output.</param>
    /// <param name="end">Behind the last output.</param>
    /// <param name="float16Rows">The address of <see cref="Float16RowsCode"/> for such vectors, or 0.</param>
    public static void Vector<TVector, TLanes>(in MatMulArguments arguments, int first, int end, nint float16Rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        const int Group = 1024;
        float* outputs = stackalloc float[Group];
        while (first < end)
        {
            WeightSegment* segment = arguments.SegmentOf(first, out int row);
            int rows = Math.Min(Math.Min(Group, end - first), segment->RunLength(row));
            if (segment->Type.IsQuantized())
                DequantizedVector<TVector, TLanes>(arguments, *segment, row, rows, outputs);
            else if (segment->Type == ElementType.F16)
                StoredVector<TVector, TLanes, F16Element>(arguments, *segment, row, rows, outputs, float16Rows);
            else if (segment->Type == ElementType.BF16)
                StoredVector<TVector, TLanes, BF16Element>(arguments, *segment, row, rows, outputs, float16Rows: 0);
            else
                StoredVector<TVector, TLanes, F32Element>(arguments, *segment, row, rows, outputs, float16Rows: 0);
            Epilogue<TVector, TLanes>(arguments, outputs, 0, first, rows);
            first += rows;
        }
    }

    private static void StoredVector<TVector, TLanes, TElement>(
        in MatMulArguments arguments, in WeightSegment segment, int row, int rows, float* outputs, nint float16Rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        nint rowBytes = (nint)arguments.K * TElement.Bytes;
        nint rowStep = segment.RowStep * rowBytes;
        byte* w = (byte*)segment.Data + (segment.StoredRow(row) * rowBytes);
        float* lanes = stackalloc float[LanesOfRows];
        float* sums = stackalloc float[Bands];
        int band = rows / Bands;
        for (int i = 0; i < band; i++)
        {
            MultiplyBands<TVector, TLanes, TElement>(arguments.A, arguments.K, w + (i * rowStep), band * rowStep, lanes, float16Rows, sums);
            for (int j = 0; j < Bands; j++)
                outputs[i + (j * band)] = sums[j];
        }
        // Rows that no band has: each by all streams.
        for (int i = Bands * band; i < rows; i++)
        {
            MultiplyBands<TVector, TLanes, TElement>(arguments.A, arguments.K, w + (i * rowStep), 0, lanes, float16Rows, sums);
            outputs[i] = sums[0];
        }
    }

    /// <summary>The outputs of a row of each band, <paramref name="rowStep"/> bytes apart.</summary>
    private static void MultiplyBands<TVector, TLanes, TElement>(
        float* a, int k, byte* w, nint rowStep, float* lanes, nint float16Rows, float* outputs)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        int chunkLength = ChunkLength(k);
        int together = chunkLength * (float16Rows != 0 ? ChunksTogether : 1);
        int whole = float16Rows != 0 ? Float16RowsCode.LineProducts : 2 * width;
        for (int start = 0; start < k; start += together)
        {
            float* x = a + start;
            byte* y = w + ((nint)start * TElement.Bytes);
            int length = Math.Min(together, k - start);
            if (float16Rows != 0)
                Float16RowsCode.Run(float16Rows, x, y, rowStep, chunkLength, length, lanes);
            else
                AddPairs<TVector, TLanes, TElement>(x, y, rowStep, length / whole, lanes);
            if (length % whole != 0)
            {
                int last = (length - 1) / chunkLength;
                x += last * chunkLength;
                y += (nint)last * chunkLength * TElement.Bytes;
                AddRest<TVector, TLanes, TElement>(x, y, rowStep, length - (last * chunkLength), whole, lanes + (last * Bands * width));
            }
            float* chunk = lanes;
            for (int i = 0; i < length; i += chunkLength)
            {
                for (int row = 0; row < Bands; row += 4)
                {
                    Vector128<float> sums = TLanes.SumFour(
                        TLanes.Load(chunk), TLanes.Load(chunk + width), TLanes.Load(chunk + (2 * width)), TLanes.Load(chunk + (3 * width)));
                    (start + i == 0 ? sums : Vector128.Load(outputs + row) + sums).Store(outputs + row);
                    chunk += 4 * width;
                }
            }
        }
    }

    /// <summary>
    /// Writes the sums of pairs of vectors of a row of each band to <paramref name="lanes"/>. Calls nothing, so that the accumulators
    /// stay in registers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddPairs<TVector, TLanes, TElement>(float* a, byte* w0, nint rowStep, int pairs, float* lanes)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        int pairBytes = 2 * width * TElement.Bytes;
        byte* w1 = w0 + rowStep;
        byte* w2 = w1 + rowStep;
        byte* w3 = w2 + rowStep;
        byte* w4 = w3 + rowStep;
        byte* w5 = w4 + rowStep;
        byte* w6 = w5 + rowStep;
        byte* w7 = w6 + rowStep;
        TVector c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        TVector c4 = TLanes.Zero, c5 = TLanes.Zero, c6 = TLanes.Zero, c7 = TLanes.Zero;
        nint end = (nint)pairs * pairBytes;
        for (nint first = 0; first < end; first += pairBytes)
        {
            TVector x = TLanes.Load(a);
            TVector y = TLanes.Load(a + width);
            a += 2 * width;
            c0 = AddPair<TVector, TLanes, TElement>(x, y, w0 + first, c0);
            c1 = AddPair<TVector, TLanes, TElement>(x, y, w1 + first, c1);
            c2 = AddPair<TVector, TLanes, TElement>(x, y, w2 + first, c2);
            c3 = AddPair<TVector, TLanes, TElement>(x, y, w3 + first, c3);
            c4 = AddPair<TVector, TLanes, TElement>(x, y, w4 + first, c4);
            c5 = AddPair<TVector, TLanes, TElement>(x, y, w5 + first, c5);
            c6 = AddPair<TVector, TLanes, TElement>(x, y, w6 + first, c6);
            c7 = AddPair<TVector, TLanes, TElement>(x, y, w7 + first, c7);
        }
        TLanes.Store(c0, lanes);
        TLanes.Store(c1, lanes + width);
        TLanes.Store(c2, lanes + (2 * width));
        TLanes.Store(c3, lanes + (3 * width));
        TLanes.Store(c4, lanes + (4 * width));
        TLanes.Store(c5, lanes + (5 * width));
        TLanes.Store(c6, lanes + (6 * width));
        TLanes.Store(c7, lanes + (7 * width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector AddPair<TVector, TLanes, TElement>(TVector x, TVector y, byte* w, TVector sum)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        Prefetch.Ahead(w + BytesAhead, 2 * TLanes.Width * TElement.Bytes);
        sum = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w), sum);
        return TLanes.MultiplyAdd(y, TElement.Load<TVector, TLanes>(w + (TLanes.Width * TElement.Bytes)), sum);
    }

    /// <summary>Adds what a chunk of a row of each band has behind its last <paramref name="whole"/> products to their lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddRest<TVector, TLanes, TElement>(float* a, byte* w, nint rowStep, int length, int whole, float* lanes)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        int start = length / whole * whole;
        float* activations = stackalloc float[Float16RowsCode.LineProducts];
        float* weights = stackalloc float[Float16RowsCode.LineProducts];
        PackRow<TVector, TLanes, F32Element>((byte*)(a + start), length - start, activations, width, ahead: 0);
        for (int row = 0; row < Bands; row++)
        {
            PackRow<TVector, TLanes, TElement>(w + (row * rowStep) + ((nint)start * TElement.Bytes), length - start, weights, width, ahead: 0);
            float* sum = lanes + (row * width);
            TVector total = start == 0 ? TLanes.Zero : TLanes.Load(sum);
            for (int i = 0; i < length - start; i += width)
                total = TLanes.MultiplyAdd(TLanes.Load(activations + i), TLanes.Load(weights + i), total);
            TLanes.Store(total, sum);
        }
    }
}
