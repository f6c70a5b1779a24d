using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M = 1: a stream over the weights as they are stored, four rows at a time, each byte read once.
/// The order of summation is that of the tiles, so a row of A gives the same bits alone and among others.
/// </content>
public static unsafe partial class MatMul
{
    private const int Streams = 4;
    private const int LongestLanes = 16;

    /// <summary>Outputs [<paramref name="first"/>, <paramref name="end"/>) of the only row of A.</summary>
    public static void Vector<TVector, TLanes>(in MatMulArguments arguments, int first, int end)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        const int Group = 64;
        float* outputs = stackalloc float[Group];
        while (first < end)
        {
            WeightSegment* segment = arguments.SegmentOf(first, out int row);
            int rows = Math.Min(Math.Min(Group, end - first), segment->Rows - row);
            if (segment->Type == ElementType.F16)
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
        int k = arguments.K;
        int width = TLanes.Width;
        int wholeVectors = k / width * width;
        int chunkLength = ChunkLength(k);
        nint rowBytes = (nint)k * TElement.Bytes;
        float* partial = stackalloc float[Streams * LongestLanes];
        float* tail = stackalloc float[(Streams + 1) * LongestLanes];
        PackRow<TVector, TLanes, F32Element>((byte*)(arguments.A + wholeVectors), k - wholeVectors, tail, width, ahead: 0);
        for (int i = 0; i < rows; i += Streams)
        {
            byte* w = (byte*)segment->Data + ((row + i) * rowBytes);
            // Rows past the last repeat it: their sums are computed and dropped.
            int present = Math.Min(Streams, rows - i);
            Vector128<float> sums = Stream<TVector, TLanes, TElement>(
                arguments.A, w, rowBytes, Math.Min(1, present - 1), Math.Min(2, present - 1), present - 1, wholeVectors, chunkLength, partial, first: true);
            if (wholeVectors < k)
            {
                bool ownChunk = wholeVectors % chunkLength == 0;
                if (ownChunk && wholeVectors > 0)
                    sums = wholeVectors == chunkLength ? SumFour<TVector, TLanes>(partial) : sums + SumFour<TVector, TLanes>(partial);
                for (int stream = 0; stream < present; stream++)
                {
                    PackRow<TVector, TLanes, TElement>(
                        w + (stream * rowBytes) + ((nint)wholeVectors * TElement.Bytes), k - wholeVectors, tail + ((stream + 1) * width), width, ahead: 0);
                }
                Stream<TVector, TLanes, F32Element>(
                    tail, (byte*)(tail + width), width * sizeof(float), 1, 2, 3, width, width, partial, first: ownChunk);
            }
            Vector128<float> last = SumFour<TVector, TLanes>(partial);
            sums = ChunkCount(k) == 1 ? last : sums + last;
            for (int stream = 0; stream < present; stream++)
                outputs[i + stream] = sums[stream];
        }
    }

    private static Vector128<float> SumFour<TVector, TLanes>(float* lanes)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.SumFour(
            TLanes.Load(lanes), TLanes.Load(lanes + TLanes.Width), TLanes.Load(lanes + (2 * TLanes.Width)), TLanes.Load(lanes + (3 * TLanes.Width)));

    /// <summary>
    /// Multiplies <paramref name="k"/> products, whole vectors, of four rows, the first and those <paramref name="row1"/>,
    /// <paramref name="row2"/> and <paramref name="row3"/> behind it, and returns the sums of all chunks but the last; that one's
    /// lanes are left in <paramref name="partial"/>, for the products of a last vector that is not whole. Calls nothing, so that
    /// the accumulators stay in registers. The next chunk is prefetched row by row while one is read: left to itself a core has
    /// too few cache misses under way to use the memory's bandwidth.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static Vector128<float> Stream<TVector, TLanes, TElement>(
        float* a, byte* w, nint rowBytes, int row1, int row2, int row3, int k, int chunkLength, float* partial, bool first)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int width = TLanes.Width;
        TVector c0, c1, c2, c3;
        if (first)
        {
            c0 = c1 = c2 = c3 = TLanes.Zero;
        }
        else
        {
            c0 = TLanes.Load(partial);
            c1 = TLanes.Load(partial + width);
            c2 = TLanes.Load(partial + (2 * width));
            c3 = TLanes.Load(partial + (3 * width));
        }
        byte* w1 = w + (row1 * rowBytes);
        byte* w2 = w + (row2 * rowBytes);
        byte* w3 = w + (row3 * rowBytes);
        Vector128<float> sums = Vector128<float>.Zero;
        nint offset = 0;
        for (int start = 0; start < k; start += chunkLength)
        {
            if (start > 0)
            {
                Vector128<float> chunk = TLanes.SumFour(c0, c1, c2, c3);
                sums = start == chunkLength ? chunk : sums + chunk;
                c0 = c1 = c2 = c3 = TLanes.Zero;
            }
            nint chunkEnd = (nint)Math.Min(start + chunkLength, k) * TElement.Bytes;
            nint quarterBytes = (chunkEnd - offset) / Streams / (width * TElement.Bytes) * (width * TElement.Bytes);
            byte* next = chunkEnd < (nint)k * TElement.Bytes ? w + chunkEnd : w + (Streams * rowBytes);
            for (int quarter = 0; quarter < Streams; quarter++)
            {
                nint end = quarter + 1 < Streams ? offset + quarterBytes : chunkEnd;
                byte* ahead = next + (quarter * rowBytes);
                for (; offset < end; offset += width * TElement.Bytes)
                {
                    Prefetch.Stream(ahead, Streams * width * TElement.Bytes);
                    ahead += Streams * width * TElement.Bytes;
                    TVector x = TLanes.Load(a);
                    c0 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w + offset), c0);
                    c1 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w1 + offset), c1);
                    c2 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w2 + offset), c2);
                    c3 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w3 + offset), c3);
                    a += width;
                }
            }
        }
        TLanes.Store(c0, partial);
        TLanes.Store(c1, partial + width);
        TLanes.Store(c2, partial + (2 * width));
        TLanes.Store(c3, partial + (3 * width));
        return sums;
    }
}
