using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M = 1: a stream over the weights as they are stored, each byte read once. Four successive chunks of
/// products, of one row or of several, are added up side by side; rows of more than four chunks are passed over in blocks of
/// four, whose activations stay in the L1 cache. The order of summation is that of the tiles, so a row of A gives the same bits
/// alone and among others.
/// </content>
public static unsafe partial class MatMul
{
    private const int Streams = 4;
    private const int LongestLanes = 16;

    private const int BytesAhead = 12 * 1024;

    /// <summary>Outputs [<paramref name="first"/>, <paramref name="end"/>) of the only row of A.</summary>
    public static void Vector<TVector, TLanes>(in MatMulArguments arguments, int first, int end)
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
                Vector<TVector, TLanes, F16Element>(arguments, segment, row, rows, outputs);
            else if (segment->Type == ElementType.BF16)
                Vector<TVector, TLanes, BF16Element>(arguments, segment, row, rows, outputs);
            else
                Vector<TVector, TLanes, F32Element>(arguments, segment, row, rows, outputs);
            Epilogue<TVector, TLanes>(arguments, outputs, 0, first, rows);
            first += rows;
        }
    }

    private static void Vector<TVector, TLanes, TElement>(
        in MatMulArguments arguments, WeightSegment* segment, int row, int rows, float* outputs)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int chunks = ChunkCount(arguments.K);
        int chunkLength = ChunkLength(arguments.K);
        nint rowBytes = (nint)arguments.K * TElement.Bytes;
        nint rowStride = segment->RowStep * rowBytes;
        byte* w = (byte*)segment->Data + (segment->StoredRow(row) * rowBytes);
        int blocks = chunkLength % TLanes.Width == 0 ? arguments.K / (chunkLength * Streams) : 0;
        for (int block = 0; block < blocks; block++)
        {
            int start = block * Streams * chunkLength;
            RowBlocks<TVector, TLanes, TElement>(
                arguments.A + start, w + ((nint)start * TElement.Bytes), rowStride, chunkLength, rows, outputs, add: block > 0);
        }
        if (blocks * Streams < chunks)
            OtherChunks<TVector, TLanes, TElement>(arguments, w, rowStride, blocks * Streams, rows, outputs);
    }

    /// <summary>
    /// Multiplies a block of four whole chunks of each row. Calls nothing, so that the accumulators stay in registers. What lies
    /// one and a half blocks ahead is prefetched in order, 12 KB of fp16: left to itself a core has too few cache misses under way
    /// to use the memory's bandwidth; one block ahead hides less of its latency, three push each other out of the L1 cache.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void RowBlocks<TVector, TLanes, TElement>(
        float* a, byte* w, nint rowStride, int chunkLength, int rows, float* outputs, bool add)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        nint chunkBytes = (nint)chunkLength * TElement.Bytes;
        nint half = chunkLength / width / 2 * width;
        for (int row = 0; row < rows; row++)
        {
            TVector c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
            byte* ahead = w + rowStride + (Streams * half * TElement.Bytes);
            nint i = 0;
            for (nint end = half; ; end = chunkLength)
            {
                for (; i < end; i += width)
                {
                    Prefetch.Stream(ahead, Streams * width * TElement.Bytes);
                    ahead += Streams * width * TElement.Bytes;
                    byte* stored = w + (i * TElement.Bytes);
                    float* x = a + i;
                    c0 = TLanes.MultiplyAdd(TLanes.Load(x), TElement.Load<TVector, TLanes>(stored), c0);
                    c1 = TLanes.MultiplyAdd(TLanes.Load(x + chunkLength), TElement.Load<TVector, TLanes>(stored + chunkBytes), c1);
                    c2 = TLanes.MultiplyAdd(TLanes.Load(x + (2 * chunkLength)), TElement.Load<TVector, TLanes>(stored + (2 * chunkBytes)), c2);
                    c3 = TLanes.MultiplyAdd(TLanes.Load(x + (3 * chunkLength)), TElement.Load<TVector, TLanes>(stored + (3 * chunkBytes)), c3);
                }
                if (end == chunkLength)
                    break;
                ahead = w + (2 * rowStride);
            }
            Vector128<float> sums = TLanes.SumFour(c0, c1, c2, c3);
            float first = add ? outputs[row] + sums[0] : sums[0];
            outputs[row] = first + sums[1] + sums[2] + sums[3];
            w += rowStride;
        }
    }

    /// <summary>Multiplies the chunks from <paramref name="firstChunk"/> on of each row, four at a time, of one row or of several.</summary>
    private static void OtherChunks<TVector, TLanes, TElement>(
        in MatMulArguments arguments, byte* w, nint rowStride, int firstChunk, int rows, float* outputs)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        int k = arguments.K;
        int chunkCount = ChunkCount(k);
        int chunkLength = ChunkLength(k);
        float* lanes = stackalloc float[Streams * LongestLanes];
        StoredChunk* chunks = stackalloc StoredChunk[Streams];
        int row = 0;
        int chunk = firstChunk;
        while (row < rows)
        {
            int present = 0;
            int shortest = chunkLength;
            for (; present < Streams && row < rows; present++)
            {
                int start = chunk * chunkLength;
                int length = Math.Min(chunkLength, k - start);
                chunks[present] = new StoredChunk(arguments.A + start, w + (row * rowStride) + ((nint)start * TElement.Bytes), length, chunk, row);
                shortest = Math.Min(shortest, length);
                if (++chunk == chunkCount)
                {
                    chunk = firstChunk;
                    row++;
                }
            }
            // Chunks past the last repeat it: their sums are computed and dropped.
            for (int i = present; i < Streams; i++)
                chunks[i] = chunks[present - 1];
            Stream<TVector, TLanes, TElement>(chunks, 0, shortest / width, lanes);
            if (shortest < chunkLength || shortest % width != 0)
                FinishUneven<TVector, TLanes, TElement>(chunks, shortest / width, lanes);
            Vector128<float> sums = TLanes.SumFour(
                TLanes.Load(lanes), TLanes.Load(lanes + width), TLanes.Load(lanes + (2 * width)), TLanes.Load(lanes + (3 * width)));
            for (int i = 0; i < present; i++)
            {
                float* output = outputs + chunks[i].Row;
                *output = chunks[i].Index == 0 ? sums[i] : *output + sums[i];
            }
        }
    }

    /// <summary>Adds the products that chunks longer than <paramref name="steps"/> whole vectors still have.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FinishUneven<TVector, TLanes, TElement>(StoredChunk* chunks, int steps, float* lanes)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        float* ended = stackalloc float[Streams * LongestLanes];
        StoredChunk* longer = stackalloc StoredChunk[Streams];
        int longest = 0;
        for (int i = 1; i < Streams; i++)
            longest = chunks[i].Length > chunks[longest].Length ? i : longest;
        int longestSteps = chunks[longest].Length / width;
        if (longestSteps > steps)
        {
            // All that are longer are of one length; those that ended go along with one of them and are put back.
            new ReadOnlySpan<float>(lanes, Streams * width).CopyTo(new Span<float>(ended, Streams * width));
            for (int i = 0; i < Streams; i++)
                longer[i] = chunks[chunks[i].Length / width > steps ? i : longest];
            Stream<TVector, TLanes, TElement>(longer, steps, longestSteps, lanes);
            for (int i = 0; i < Streams; i++)
            {
                if (chunks[i].Length / width <= steps)
                    TLanes.Store(TLanes.Load(ended + (i * width)), lanes + (i * width));
            }
        }

        float* a = ended;
        float* w = ended + width;
        for (int i = 0; i < Streams; i++)
        {
            int whole = chunks[i].Length / width * width;
            int rest = chunks[i].Length - whole;
            if (rest == 0)
                continue;
            PackRow<TVector, TLanes, F32Element>((byte*)(chunks[i].A + whole), rest, a, width, ahead: 0);
            PackRow<TVector, TLanes, TElement>(chunks[i].W + ((nint)whole * TElement.Bytes), rest, w, width, ahead: 0);
            float* sum = lanes + (i * width);
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Load(a), TLanes.Load(w), TLanes.Load(sum)), sum);
        }
    }

    /// <summary>
    /// Adds the products of the vectors [<paramref name="step"/>, <paramref name="end"/>) of four chunks to <paramref name="lanes"/>,
    /// which start from 0 at step 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Stream<TVector, TLanes, TElement>(StoredChunk* chunks, int step, int end, float* lanes)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        TVector c0, c1, c2, c3;
        if (step == 0)
        {
            c0 = c1 = c2 = c3 = TLanes.Zero;
        }
        else
        {
            c0 = TLanes.Load(lanes);
            c1 = TLanes.Load(lanes + width);
            c2 = TLanes.Load(lanes + (2 * width));
            c3 = TLanes.Load(lanes + (3 * width));
        }
        float* a0 = chunks[0].A;
        float* a1 = chunks[1].A;
        float* a2 = chunks[2].A;
        float* a3 = chunks[3].A;
        byte* w0 = chunks[0].W;
        byte* w1 = chunks[1].W;
        byte* w2 = chunks[2].W;
        byte* w3 = chunks[3].W;
        byte* ahead = w0 + BytesAhead + ((nint)Streams * step * width * TElement.Bytes);
        for (nint i = (nint)step * width; i < (nint)end * width; i += width)
        {
            Prefetch.Stream(ahead, Streams * width * TElement.Bytes);
            ahead += Streams * width * TElement.Bytes;
            c0 = TLanes.MultiplyAdd(TLanes.Load(a0 + i), TElement.Load<TVector, TLanes>(w0 + (i * TElement.Bytes)), c0);
            c1 = TLanes.MultiplyAdd(TLanes.Load(a1 + i), TElement.Load<TVector, TLanes>(w1 + (i * TElement.Bytes)), c1);
            c2 = TLanes.MultiplyAdd(TLanes.Load(a2 + i), TElement.Load<TVector, TLanes>(w2 + (i * TElement.Bytes)), c2);
            c3 = TLanes.MultiplyAdd(TLanes.Load(a3 + i), TElement.Load<TVector, TLanes>(w3 + (i * TElement.Bytes)), c3);
        }
        TLanes.Store(c0, lanes);
        TLanes.Store(c1, lanes + width);
        TLanes.Store(c2, lanes + (2 * width));
        TLanes.Store(c3, lanes + (3 * width));
    }

    /// <summary>One chunk of the products of one output: activations, weights as they are stored, which chunk of which output.</summary>
    private readonly struct StoredChunk(float* a, byte* w, int length, int index, int row)
    {
        public readonly float* A = a;
        public readonly byte* W = w;
        public readonly int Length = length;
        public readonly int Index = index;
        public readonly int Row = row;
    }
}
