using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

/// <summary>A product with weights as any file stores them has the bits of one with the same weights in fp32.</summary>
public sealed unsafe class StoredWeightTests
{
    private static readonly int[] RowCounts = [1, 2, 6];
    private static readonly int[] HeadDims = [0, 2, 6, 16, 128];

    public static TheoryData<ElementType> Types { get; } = [.. QuantizedBlocks.Types];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_multiplies_as_its_fp32_weights_do(ElementType type)
    {
        // Lengths whose chunks begin inside of blocks are among them: 1280 is cut into 640 and 640.
        foreach (int k in (int[])[Math.Max(32, type.BlockElements()), 768, 1280, 2304, 11008])
        {
            foreach (int m in (int[])[1, 2, 7])
                Check([type], k, n: 21, m, pairedHeadDim: 0, seed: k + m);
        }
    }

    [Fact]
    public void Joined_segments_of_different_types_and_row_orders_multiply_as_fp32_weights_in_order_do()
    {
        Gen.Select(
            Gen.Int[0, QuantizedBlocks.Types.Length - 1].Select(i => QuantizedBlocks.Types[i]).Array[1, 4],
            Gen.Int[1, 12].Select(blocks => 256 * blocks),
            Gen.Int[1, 11],
            Gen.Int[0, 2].Select(i => RowCounts[i]),
            Gen.Int[0, 4].Select(i => HeadDims[i]),
            Gen.Int)
            .Sample((types, k, heads, m, pairedHeadDim, seed) => Check(types, k, Math.Max(pairedHeadDim, 1) * heads, m, pairedHeadDim, seed), iter: 60);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Gathered_rows_are_the_dequantised_rows(ElementType type)
    {
        const int Columns = 512;
        using NativeBuffer<byte> table = QuantizedBlocks.Rows(type, 9, Columns, seed: 5);
        using NativeBuffer<float> widened = QuantizedBlocks.Widen(type, table, 9, Columns);
        using NativeBuffer<int> ids = NativeBuffer.Of(8, 0, 0, 5);
        using var y = new NativeBuffer<float>(4 * Columns);
        GatherRows.Cpu<Vector128<float>, Lanes128>(table.Pointer, type, Columns, 9, Columns, ids.Pointer, y.Pointer, Columns, 0, 4);
        for (int row = 0; row < 4; row++)
            NativeBuffer.AssertSameBits(widened.Span.Slice(ids.Span[row] * Columns, Columns), y.Span.Slice(row * Columns, Columns));
        Assert.Equal(widened.Span[(8 * Columns) + 77], GatherRows.Define(table.Pointer, type, (8L * Columns) + 77));
    }

    /// <summary>Segments of n outputs each, all but the last with rows in the order of pairs.</summary>
    private static void Check(ElementType[] types, int k, int n, int m, int pairedHeadDim, int seed)
    {
        var stored = new NativeBuffer<byte>[types.Length];
        using var segments = new NativeBuffer<WeightSegment>(types.Length);
        using var ordered = new NativeBuffer<float>((long)types.Length * n * k);
        using var plain = new NativeBuffer<WeightSegment>(1, new WeightSegment((nint)ordered.Pointer, ElementType.F32, types.Length * n));
        using NativeBuffer<float> a = NativeBuffer.Normal((long)m * k, seed);
        for (int i = 0; i < types.Length; i++)
        {
            int headDim = i + 1 < types.Length || types.Length == 1 ? pairedHeadDim : 0;
            stored[i] = QuantizedBlocks.Rows(types[i], n, k, seed + i);
            segments.Span[i] = new WeightSegment((nint)stored[i].Pointer, types[i], n, headDim);
            using NativeBuffer<float> widened = QuantizedBlocks.Widen(types[i], stored[i], n, k);
            for (int output = 0; output < n; output++)
                widened.Span.Slice(StoredRow(output, headDim) * k, k).CopyTo(ordered.Span[(((i * n) + output) * k)..]);
        }
        CheckLanes<Vector512<float>, Lanes512>(a, segments, plain, k, m);
        CheckLanes<Vector256<float>, Lanes256>(a, segments, plain, k, m);
        CheckLanes<Vector128<float>, Lanes128>(a, segments, plain, k, m);
        foreach (NativeBuffer<byte> bytes in stored)
            bytes.Dispose();
    }

    private static int StoredRow(int output, int headDim)
    {
        if (headDim == 0)
            return output;
        int inHead = output % headDim;
        return output - inHead + (2 * (inHead % (headDim / 2))) + (inHead / (headDim / 2));
    }

    private static void CheckLanes<TVector, TLanes>(
        NativeBuffer<float> a, NativeBuffer<WeightSegment> segments, NativeBuffer<WeightSegment> plain, int k, int m)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int n = plain.Span[0].Rows;
        using var expected = new NativeBuffer<float>((long)m * n, float.NaN);
        using var actual = new NativeBuffer<float>((long)m * n, float.NaN);
        MatMulTests.Multiply<TVector, TLanes>(Arguments(plain, expected));
        MatMulTests.Multiply<TVector, TLanes>(Arguments(segments, actual));
        NativeBuffer.AssertSameBits(expected.Span, actual.Span);

        MatMulArguments Arguments(NativeBuffer<WeightSegment> weights, NativeBuffer<float> c) => new()
        {
            A = a.Pointer,
            AStride = k,
            Rows = m,
            K = k,
            Segments = weights.Pointer,
            SegmentCount = weights.Length,
            Columns = n,
            C = c.Pointer,
            CStride = n,
        };
    }
}
