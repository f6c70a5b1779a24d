using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M = 1: a stream over the weights as they are stored, four rows at a time, each byte read once.
/// The order of summation is that of the tiles, so a row of A gives the same bits alone and among others.
/// </content>
public static unsafe partial class MatMul
{
    private const int Streams = 4;

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
        int chunkLength = ChunkLength(k);
        nint rowBytes = (nint)k * TElement.Bytes;
        for (int i = 0; i < rows; i += Streams)
        {
            // Rows past the last repeat it: their sums are computed and dropped.
            byte* w0 = (byte*)segment->Data + ((row + i) * rowBytes);
            byte* w1 = w0 + (Math.Min(1, rows - i - 1) * rowBytes);
            byte* w2 = w0 + (Math.Min(2, rows - i - 1) * rowBytes);
            byte* w3 = w0 + (Math.Min(3, rows - i - 1) * rowBytes);
            float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (int start = 0; start < k; start += chunkLength)
            {
                int length = Math.Min(chunkLength, k - start);
                float* a = arguments.A + start;
                TVector c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
                int j = 0;
                for (; j + TLanes.Width <= length; j += TLanes.Width)
                {
                    TVector x = TLanes.Load(a + j);
                    nint offset = (nint)(start + j) * TElement.Bytes;
                    c0 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w0 + offset), c0);
                    c1 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w1 + offset), c1);
                    c2 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w2 + offset), c2);
                    c3 = TLanes.MultiplyAdd(x, TElement.Load<TVector, TLanes>(w3 + offset), c3);
                }
                if (j < length)
                {
                    TVector x = TLanes.LoadPartial(a + j, length - j);
                    nint offset = (nint)(start + j) * TElement.Bytes;
                    c0 = TLanes.MultiplyAdd(x, WidenPartial<TVector, TLanes, TElement>(w0 + offset, length - j), c0);
                    c1 = TLanes.MultiplyAdd(x, WidenPartial<TVector, TLanes, TElement>(w1 + offset, length - j), c1);
                    c2 = TLanes.MultiplyAdd(x, WidenPartial<TVector, TLanes, TElement>(w2 + offset, length - j), c2);
                    c3 = TLanes.MultiplyAdd(x, WidenPartial<TVector, TLanes, TElement>(w3 + offset, length - j), c3);
                }
                s0 = start == 0 ? TLanes.Sum(c0) : s0 + TLanes.Sum(c0);
                s1 = start == 0 ? TLanes.Sum(c1) : s1 + TLanes.Sum(c1);
                s2 = start == 0 ? TLanes.Sum(c2) : s2 + TLanes.Sum(c2);
                s3 = start == 0 ? TLanes.Sum(c3) : s3 + TLanes.Sum(c3);
            }
            outputs[i] = s0;
            if (i + 1 < rows)
                outputs[i + 1] = s1;
            if (i + 2 < rows)
                outputs[i + 2] = s2;
            if (i + 3 < rows)
                outputs[i + 3] = s3;
        }
    }

    private static TVector WidenPartial<TVector, TLanes, TElement>(byte* source, int count)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        float* lanes = stackalloc float[16];
        for (int i = 0; i < count; i++)
            lanes[i] = TElement.Widen(source + ((nint)i * TElement.Bytes));
        return TLanes.LoadPartial(lanes, count);
    }
}
