using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M = 1: a stream over the weights as they are stored, each byte read once. Rows are cut into four bands that are
/// passed over side by side, a row of each at a time: the memory then serves four streams of one core, whose pages lie far apart, at
/// once, where along one row it fetches ahead only to the end of a page. The order of summation is that of the tiles, so a row of A
/// gives the same bits alone and among others.
/// </content>
public static unsafe partial class MatMul
{
    internal const int Bands = 4;
    private const int LongestLanes = 16;

    /// <summary>Chunks that one call of <see cref="Float16RowsCode"/> adds up: all that a row has, but for very long ones.</summary>
    private const int ChunksTogether = 16;
    private const int LanesOfRows = ChunksTogether * Bands * LongestLanes;

    /// <summary>
    /// How far ahead in each band weights are prefetched. A third of it hides less of the memory's latency, twice as much is slower.
    /// </summary>
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
        const int Group = 128;
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
        int band = rows / Bands;
        for (int i = 0; i < band; i++)
        {
            Vector128<float> sums = FourRows<TVector, TLanes, TElement>(
                arguments.A, arguments.K, w + (i * rowStep), band * rowStep, lanes, float16Rows);
            for (int j = 0; j < Bands; j++)
                outputs[i + (j * band)] = sums[j];
        }
        // Rows that no band has: each by all four streams.
        for (int i = Bands * band; i < rows; i++)
            outputs[i] = FourRows<TVector, TLanes, TElement>(arguments.A, arguments.K, w + (i * rowStep), 0, lanes, float16Rows)[0];
    }

    /// <summary>The outputs of four rows of weights that lie <paramref name="rowStep"/> bytes apart.</summary>
    private static Vector128<float> FourRows<TVector, TLanes, TElement>(
        float* a, int k, byte* w, nint rowStep, float* lanes, nint float16Rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        int chunkLength = ChunkLength(k);
        int together = chunkLength * (float16Rows != 0 ? ChunksTogether : 1);
        int whole = float16Rows != 0 ? Float16RowsCode.LineProducts : 2 * width;
        Vector128<float> outputs = default;
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
                Vector128<float> sums = TLanes.SumFour(
                    TLanes.Load(chunk), TLanes.Load(chunk + width), TLanes.Load(chunk + (2 * width)), TLanes.Load(chunk + (3 * width)));
                outputs = start + i == 0 ? sums : outputs + sums;
                chunk += Bands * width;
            }
        }
        return outputs;
    }

    /// <summary>
    /// Writes the sums of pairs of vectors of four rows to <paramref name="lanes"/>. Calls nothing, so that the accumulators stay in
    /// registers.
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
        TVector c0 = TLanes.Zero;
        TVector c1 = TLanes.Zero;
        TVector c2 = TLanes.Zero;
        TVector c3 = TLanes.Zero;
        nint end = (nint)pairs * pairBytes;
        for (nint first = 0; first < end; first += pairBytes)
        {
            nint second = first + (width * TElement.Bytes);
            TVector x = TLanes.Load(a);
            TVector y = TLanes.Load(a + width);
            a += 2 * width;
            Prefetch.Stream(w0 + first + BytesAhead, pairBytes);
            c0 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w0 + first), c0);
            c0 = TLanes.MultiplyAdd(y, TElement.Load<TVector, TLanes>(w0 + second), c0);
            Prefetch.Stream(w1 + first + BytesAhead, pairBytes);
            c1 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w1 + first), c1);
            c1 = TLanes.MultiplyAdd(y, TElement.Load<TVector, TLanes>(w1 + second), c1);
            Prefetch.Stream(w2 + first + BytesAhead, pairBytes);
            c2 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w2 + first), c2);
            c2 = TLanes.MultiplyAdd(y, TElement.Load<TVector, TLanes>(w2 + second), c2);
            Prefetch.Stream(w3 + first + BytesAhead, pairBytes);
            c3 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w3 + first), c3);
            c3 = TLanes.MultiplyAdd(y, TElement.Load<TVector, TLanes>(w3 + second), c3);
        }
        TLanes.Store(c0, lanes);
        TLanes.Store(c1, lanes + width);
        TLanes.Store(c2, lanes + (2 * width));
        TLanes.Store(c3, lanes + (3 * width));
    }

    /// <summary>Adds what a chunk of four rows has behind its last <paramref name="whole"/> products to their lanes.</summary>
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
