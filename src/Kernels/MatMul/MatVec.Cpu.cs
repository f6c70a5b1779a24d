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
        int chunkLength = ChunkLength(k);
        nint rowBytes = (nint)k * TElement.Bytes;
        float* partial = stackalloc float[Streams * LongestLanes];
        float* tail = stackalloc float[(Streams + 1) * LongestLanes];
        for (int i = 0; i < rows; i += Streams)
        {
            byte* w = (byte*)segment->Data + ((row + i) * rowBytes);
            // Rows past the last repeat it: their sums are computed and dropped.
            int present = Math.Min(Streams, rows - i);
            Vector128<float> sums = default;
            for (int start = 0; start < k; start += chunkLength)
            {
                int length = Math.Min(chunkLength, k - start);
                int steps = length / width;
                byte* first = w + ((nint)start * TElement.Bytes);
                byte* next = start + length < k ? first + ((nint)length * TElement.Bytes) : w + (Streams * rowBytes);
                Stream<TVector, TLanes, TElement>(
                    arguments.A + start, first, next, rowBytes, Math.Min(1, present - 1), Math.Min(2, present - 1), present - 1, steps, partial, first: true);
                if (steps * width < length)
                {
                    PackRow<TVector, TLanes, F32Element>((byte*)(arguments.A + start + (steps * width)), length - (steps * width), tail, width, ahead: 0);
                    for (int stream = 0; stream < present; stream++)
                    {
                        PackRow<TVector, TLanes, TElement>(
                            first + (stream * rowBytes) + ((nint)steps * width * TElement.Bytes), length - (steps * width), tail + ((stream + 1) * width), width, ahead: 0);
                    }
                    Stream<TVector, TLanes, F32Element>(
                        tail, (byte*)(tail + width), next, width * sizeof(float), 1, 2, 3, 1, partial, first: false);
                }
                Vector128<float> chunk = TLanes.SumFour(
                    TLanes.Load(partial), TLanes.Load(partial + width), TLanes.Load(partial + (2 * width)), TLanes.Load(partial + (3 * width)));
                sums = start == 0 ? chunk : sums + chunk;
            }
            for (int stream = 0; stream < present; stream++)
                outputs[i + stream] = sums[stream];
        }
    }

    /// <summary>
    /// Adds <paramref name="steps"/> vectors of products to the accumulators of four rows, the first and those
    /// <paramref name="row1"/>, <paramref name="row2"/> and <paramref name="row3"/> behind it. Calls nothing, so that they stay
    /// in registers. The same number of bytes at <paramref name="next"/>, of four rows to come, is prefetched row by row: left
    /// to itself a core has too few cache misses under way to use the memory's bandwidth.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Stream<TVector, TLanes, TElement>(
        float* a, byte* w, byte* next, nint rowBytes, int row1, int row2, int row3, int steps, float* partial, bool first)
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
        nint offset = 0;
        for (int quarter = 0; quarter < Streams; quarter++)
        {
            nint end = (nint)steps * (quarter + 1) / Streams * width * TElement.Bytes;
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
        TLanes.Store(c0, partial);
        TLanes.Store(c1, partial + width);
        TLanes.Store(c2, partial + (2 * width));
        TLanes.Store(c3, partial + (3 * width));
    }
}
