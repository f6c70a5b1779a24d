using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class QuantizedMatMulTests
{
    private static readonly ElementType[] Formats =
    [
        ElementType.Q8_0, ElementType.Q4_0, ElementType.Q4_1, ElementType.Q5_0, ElementType.Q5_1, ElementType.Q2_K, ElementType.Q3_K,
        ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K, ElementType.IQ4_NL, ElementType.IQ4_XS,
    ];

    [Theory]
    [InlineData(640, 4096, 70, ElementType.Q4_0)]
    [InlineData(23, 11008, 64, ElementType.Q8_0)]
    [InlineData(1, 13824, 515, ElementType.Q4_0)]
    [InlineData(5, 4096, 515, ElementType.Q8_0)]
    [InlineData(11, 11008, 130, ElementType.Q4_K)]
    [InlineData(640, 1024, 70, ElementType.Q5_K)]
    [InlineData(7, 11008, 130, ElementType.Q6_K)]
    [InlineData(9, 11008, 130, ElementType.Q2_K)]
    [InlineData(640, 4096, 70, ElementType.Q3_K)]
    [InlineData(5, 11008, 130, ElementType.IQ4_NL)]
    [InlineData(1, 13824, 515, ElementType.IQ4_XS)]
    public void Real_shapes_agree_with_the_definition_in_double(int m, int k, int n, ElementType type)
    {
        using var operands = new QuantizedOperands(m, k, n, type, seed: m + k + n);
        Check(operands, outputs: 512);
    }

    [Fact]
    public void Any_shape_agrees_with_the_definition_in_double_and_every_width_gives_the_same_bits()
    {
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 20], Gen.Int[1, 150], Gen.Int[0, Formats.Length - 1].Select(i => Formats[i]), Gen.Int).Sample(
            (m, blocks, n, type, seed) =>
            {
                using var operands = new QuantizedOperands(m, blocks * type.BlockElements(), n, type, seed);
                Check(operands, outputs: 64);
            },
            iter: 150);
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_and_among_others()
    {
        Gen.Select(Gen.Int[2, 20], Gen.Int[1, 20], Gen.Int[1, 150], Gen.Int[0, Formats.Length - 1].Select(i => Formats[i]), Gen.Int).Sample(
            (m, blocks, n, type, seed) =>
            {
                using var operands = new QuantizedOperands(m, blocks * type.BlockElements(), n, type, seed);
                float[] together = operands.Multiply<Vector256<float>, Lanes256>(0, m);
                for (int row = 0; row < m; row++)
                    NativeBuffer.AssertSameBits(together.AsSpan(row * n, n), operands.Multiply<Vector256<float>, Lanes256>(row, 1));
            },
            iter: 40);
    }

    [Fact]
    public void Rounding_activations_costs_no_more_than_half_a_step_each()
    {
        const int K = 2048;
        foreach (ElementType type in Formats)
        {
            using var operands = new QuantizedOperands(4, K, 64, type, seed: 9);
            float[] fast = operands.Multiply<Vector256<float>, Lanes256>(0, 4);
            for (int row = 0; row < 4; row++)
            {
                for (int column = 0; column < 64; column++)
                {
                    (double exact, double bound) = operands.Exact(row, column);
                    // Sums in fp32 add their own rounding.
                    Assert.InRange(fast[(row * 64) + column] - exact, -bound * 1.001, bound * 1.001);
                }
            }
        }
    }

    [Fact]
    public void Activations_have_the_bits_of_their_definition_in_every_width()
    {
        Gen<float> activation = Gen.Frequency(
            (6, Gen.Float[-1, 1]), (1, Gen.Float[-1e4f, 1e4f]), (1, Gen.Const(0f)), (1, Gen.Float[-1e-30f, 1e-30f]), (1, Gen.Const(1e-41f)));
        Gen.Select(activation.Array[ActivationBlock.Length * 9], Gen.Bool).Sample(
            (values, zero) =>
            {
                if (zero)
                    values.AsSpan(32, 32).Clear();
                fixed (float* a = values)
                {
                    using var defined = new NativeBuffer<ActivationBlock>(9);
                    for (int i = 0; i < 9; i++)
                        ActivationBlocks.Define(a + (i * ActivationBlock.Length), defined.Pointer + i);
                    Same<Vector512<float>, Lanes512>(a, defined);
                    Same<Vector256<float>, Lanes256>(a, defined);
                    Same<Vector128<float>, Lanes128>(a, defined);
                }
            },
            iter: 300);

        static void Same<TVector, TLanes>(float* a, NativeBuffer<ActivationBlock> defined)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using var blocks = new NativeBuffer<ActivationBlock>(9);
            ActivationBlocks.Cpu<TVector, TLanes>(a, 0, 1, 9 * ActivationBlock.Length, blocks.Pointer, 0, 1);
            Assert.True(
                new ReadOnlySpan<byte>(defined.Pointer, 9 * sizeof(ActivationBlock)).SequenceEqual(new ReadOnlySpan<byte>(blocks.Pointer, 9 * sizeof(ActivationBlock))));
        }
    }

    private static void Check(QuantizedOperands operands, int outputs)
    {
        float[] wide = operands.Multiply<Vector512<float>, Lanes512>(0, operands.Rows);
        NativeBuffer.AssertSameBits(wide, operands.Multiply<Vector256<float>, Lanes256>(0, operands.Rows));
        NativeBuffer.AssertSameBits(wide, operands.Multiply<Vector128<float>, Lanes128>(0, operands.Rows));
        var random = new Random(1);
        for (int i = 0; i < outputs; i++)
        {
            int row = random.Next(operands.Rows);
            int column = random.Next(operands.Columns);
            (double expected, double bound) = operands.Define(row, column);
            Assert.InRange(wide[(row * operands.Columns) + column] - expected, -bound, bound);
        }
    }
}

/// <summary>A product of random activations with an outlier in each row and random weights in a block format.</summary>
internal sealed unsafe class QuantizedOperands : IDisposable
{
    private readonly NativeBuffer<float> _a;
    private readonly NativeBuffer<byte> _weights;
    private readonly NativeBuffer<byte> _panels;
    private readonly NativeBuffer<WeightSegment> _segments;
    private readonly ElementType _type;

    public QuantizedOperands(int m, int k, int n, ElementType type, int seed)
    {
        (Rows, K, Columns, _type) = (m, k, n, type);
        _a = NativeBuffer.Normal((long)m * k, seed);
        for (int row = 0; row < m; row++)
            _a.Pointer[(row * k) + (row * 7 % k)] *= 20;
        long rowBytes = type.RowBytes(k);
        _weights = Weights(type, n, k, seed + 1);
        // Two segments, neither of whole panels, as joined projections of a small model are.
        int first = n > 1 ? (n / 2) + 1 : 1;
        long panelBytes = PackedPanels.ByteLength(type, k);
        _panels = new NativeBuffer<byte>((PackedPanels.Count(first) + PackedPanels.Count(n - first)) * panelBytes, fill: 0xFF);
        _segments = new NativeBuffer<WeightSegment>(2);
        _segments.Pointer[0] = Pack(0, first, _panels.Pointer);
        _segments.Pointer[1] = Pack(first, n - first, _panels.Pointer + (PackedPanels.Count(first) * panelBytes));

        WeightSegment Pack(int firstRow, int rows, byte* packed)
        {
            var stored = new WeightSegment((nint)(_weights.Pointer + (firstRow * rowBytes)), type, rows);
            for (int panel = 0; panel < PackedPanels.Count(rows); panel++)
                PackedPanels.Pack(stored, k, panel, packed + (panel * panelBytes));
            return new WeightSegment((nint)packed, type, rows);
        }
    }

    public int Rows { get; }

    public int K { get; }

    public int Columns { get; }

    /// <summary>The definition's output and how far fp32 sums may be from it: a rounding for each block and operation.</summary>
    public (double Expected, double Bound) Define(int row, int column)
    {
        float* a = _a.Pointer + ((long)row * K);
        double expected = QuantizedMatMul.Output(a, new WeightSegment((nint)_weights.Pointer, _type, Columns), column, K);
        double magnitude = 0;
        float[] weights = Weights(column);
        for (int block = 0; block < K; block += ActivationBlock.Length)
        {
            // A quant's product and its minimum's may be larger than their difference, but neither than the block's range.
            float range = weights[block..(block + ActivationBlock.Length)].Max() - Math.Min(0, weights[block..(block + ActivationBlock.Length)].Min());
            for (int i = block; i < block + ActivationBlock.Length; i++)
                magnitude += Math.Abs(a[i]) * (Math.Abs((double)weights[i]) + (2 * range));
        }
        return (expected, 1e-6 + (magnitude * (4 + Math.Sqrt(K / 32)) * Math.Pow(2, -23)));
    }

    /// <summary>The product without any rounding, and the most that rounding each activation by half a step can change it.</summary>
    public (double Exact, double Bound) Exact(int row, int column)
    {
        float* a = _a.Pointer + ((long)row * K);
        float[] weights = Weights(column);
        double exact = 0;
        double bound = 0;
        for (int block = 0; block < K; block += ActivationBlock.Length)
        {
            float largest = 0;
            for (int i = block; i < block + ActivationBlock.Length; i++)
                largest = Math.Max(largest, Math.Abs(a[i]));
            for (int i = block; i < block + ActivationBlock.Length; i++)
            {
                exact += (double)a[i] * weights[i];
                bound += largest / 254 * Math.Abs(weights[i]);
            }
        }
        return (exact, bound);
    }

    public float[] Multiply<TVector, TLanes>(int row, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        using var blocks = new NativeBuffer<ActivationBlock>(ActivationBlocks.ByteLength(rows, K) / sizeof(ActivationBlock));
        using var scratch = new NativeBuffer<byte>(QuantizedMatMul.ScratchBytes(rows), fill: 0xFF);
        using var c = new NativeBuffer<float>((long)rows * Columns, float.NaN);
        var arguments = new MatMulArguments
        {
            A = _a.Pointer + ((long)row * K),
            AStride = K,
            Rows = rows,
            K = K,
            Segments = _segments.Pointer,
            SegmentCount = 2,
            Columns = Columns,
            C = c.Pointer,
            CStride = Columns,
        };
        ActivationBlocks.Cpu<TVector, TLanes>(arguments.A, K, rows, K, blocks.Pointer, 0, rows);
        int panels = PackedPanels.Count(_segments.Pointer[0].Rows) + PackedPanels.Count(_segments.Pointer[1].Rows);
        QuantizedMatMul.Panels<TVector, TLanes>(arguments, blocks.Pointer, null, null, 0, panels / 2, scratch.Pointer);
        QuantizedMatMul.Panels<TVector, TLanes>(arguments, blocks.Pointer, null, null, panels / 2, panels, scratch.Pointer);
        return c.Span.ToArray();
    }

    public void Dispose()
    {
        _a.Dispose();
        _weights.Dispose();
        _panels.Dispose();
        _segments.Dispose();
    }

    /// <summary>Random weights; of the types that nothing here quantises to, blocks of the reference.</summary>
    private static NativeBuffer<byte> Weights(ElementType type, int n, int k, int seed)
    {
        if (type is ElementType.IQ4_NL or ElementType.IQ4_XS)
            return QuantizedBlocks.Rows(type, n, k, seed);
        using NativeBuffer<float> values = NativeBuffer.Normal((long)n * k, seed, deviation: 0.05);
        long rowBytes = type.RowBytes(k);
        var weights = new NativeBuffer<byte>(n * rowBytes);
        for (int row = 0; row < n; row++)
            Quantize.Row(type, values.Pointer + ((long)row * k), k, weights.Pointer + (row * rowBytes));
        return weights;
    }

    private float[] Weights(int column)
    {
        var weights = new float[K];
        fixed (float* w = weights)
            Dequantize.Row(_type, _weights.Pointer + (column * _type.RowBytes(K)), K, w);
        return weights;
    }
}
