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

    /// <summary>
    /// How many chunks ahead weights are prefetched: 12 KB of fp16. 8 KB hide less of the memory's latency, 24 KB push each other
    /// out of the L1 cache.
    /// </summary>
    private const int ChunksAhead = 6;

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
        int width = TLanes.Width;
        int chunkLength = ChunkLength(arguments.K);
        float* lanes = stackalloc float[Streams * LongestLanes];
        nint rowBytes = (nint)arguments.K * TElement.Bytes;
        var order = new ChunkOrder(
            arguments, (byte*)segment->Data + (segment->StoredRow(row) * rowBytes), rows, segment->RowStep * rowBytes, TElement.Bytes);
        StoredChunk* chunks = stackalloc StoredChunk[Streams + ChunksAhead];
        for (int i = 0; i < ChunksAhead; i++)
            chunks[i] = order.Next();
        for (int rest = rows * ChunkCount(arguments.K); rest > 0; rest -= Streams)
        {
            int shortest = chunkLength;
            for (int i = 0; i < Streams; i++)
            {
                chunks[ChunksAhead + i] = order.Next();
                shortest = Math.Min(shortest, chunks[i].Length);
            }
            // Chunks past the last repeat it: their sums are computed and dropped.
            int present = Math.Min(Streams, rest);
            for (int i = present; i < Streams; i++)
                chunks[i] = chunks[present - 1];
            Stream<TVector, TLanes, TElement>(chunks, chunks + ChunksAhead, 0, shortest / width, lanes);
            if (shortest < chunkLength || shortest % width != 0)
                FinishUneven<TVector, TLanes, TElement>(chunks, shortest / width, lanes);
            Vector128<float> sums = TLanes.SumFour(
                TLanes.Load(lanes), TLanes.Load(lanes + width), TLanes.Load(lanes + (2 * width)), TLanes.Load(lanes + (3 * width)));
            for (int i = 0; i < present; i++)
            {
                float* output = outputs + chunks[i].Row;
                *output = chunks[i].Index == 0 ? sums[i] : *output + sums[i];
            }
            for (int i = 0; i < ChunksAhead; i++)
                chunks[i] = chunks[Streams + i];
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
            Stream<TVector, TLanes, TElement>(longer, longer, steps, longestSteps, lanes);
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
    /// which start from 0 at step 0. Calls nothing, so that the accumulators stay in registers. Meanwhile the four chunks
    /// <paramref name="ahead"/> are prefetched in order: left to itself a core has too few cache misses under way to use the
    /// memory's bandwidth.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Stream<TVector, TLanes, TElement>(StoredChunk* chunks, StoredChunk* ahead, int step, int end, float* lanes)
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
        nint offset = (nint)step * width;
        for (int part = 0; part < Streams; part++)
        {
            byte* prefetched = ahead[part].W;
            for (nint partEnd = (step + ((end - step) * (part + 1) / Streams)) * (nint)width; offset < partEnd; offset += width)
            {
                Prefetch.Stream(prefetched, Streams * width * TElement.Bytes);
                prefetched += Streams * width * TElement.Bytes;
                c0 = TLanes.MultiplyAdd(TLanes.Load(a0 + offset), TElement.Load<TVector, TLanes>(w0 + (offset * TElement.Bytes)), c0);
                c1 = TLanes.MultiplyAdd(TLanes.Load(a1 + offset), TElement.Load<TVector, TLanes>(w1 + (offset * TElement.Bytes)), c1);
                c2 = TLanes.MultiplyAdd(TLanes.Load(a2 + offset), TElement.Load<TVector, TLanes>(w2 + (offset * TElement.Bytes)), c2);
                c3 = TLanes.MultiplyAdd(TLanes.Load(a3 + offset), TElement.Load<TVector, TLanes>(w3 + (offset * TElement.Bytes)), c3);
            }
        }
        TLanes.Store(c0, lanes);
        TLanes.Store(c1, lanes + width);
        TLanes.Store(c2, lanes + (2 * width));
        TLanes.Store(c3, lanes + (3 * width));
    }
}
