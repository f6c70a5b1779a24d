using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class MatMulTests
{
    private static readonly ElementType[] Types = [ElementType.F32, ElementType.F16, ElementType.BF16];
    private static readonly int[] Lengths = [1, 15, 64, 588, 1024, 4096, 4097, 11008, 15361];

    [Theory]
    [InlineData(640, 4096, 100, ElementType.F16)]
    [InlineData(7, 4096, 333, ElementType.BF16)]
    [InlineData(577, 1024, 131, ElementType.F16)]
    [InlineData(12, 11008, 67, ElementType.F16)]
    [InlineData(3, 13824, 41, ElementType.F32)]
    [InlineData(2, 588, 1024, ElementType.F32)]
    [InlineData(1, 13824, 515, ElementType.BF16)]
    [InlineData(1, 11008, 513, ElementType.F16)]
    public void Real_shapes_agree_with_the_definition_in_double(int m, int k, int n, ElementType type)
    {
        using var operands = new Operands(m, k, n, type, seed: m + k + n);
        CheckAgainstDefinition<Vector512<float>, Lanes512>(operands, outputs: 512);
        CheckAgainstDefinition<Vector256<float>, Lanes256>(operands, outputs: 512);
        CheckAgainstDefinition<Vector128<float>, Lanes128>(operands, outputs: 512);
    }

    [Fact]
    public void Any_shape_agrees_with_the_definition_in_double()
    {
        Gen.Select(Gen.Int[1, 24], Gen.Int[1, 300], Gen.Int[1, 70], Gen.Int[0, 2].Select(i => Types[i]), Gen.Int)
            .Sample(
                (m, k, n, type, seed) =>
                {
                    using var operands = new Operands(m, k, n, type, seed);
                    CheckAgainstDefinition<Vector512<float>, Lanes512>(operands, outputs: 64);
                    CheckAgainstDefinition<Vector256<float>, Lanes256>(operands, outputs: 64);
                    CheckAgainstDefinition<Vector128<float>, Lanes128>(operands, outputs: 64);
                },
                iter: 200);
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_and_among_others()
    {
        Gen.Select(Gen.Int[2, 20], Gen.Int[0, 8].Select(i => Lengths[i]), Gen.Int[1, 60], Gen.Int)
            .Sample(
                (m, k, n, seed) =>
                {
                    using var operands = new Operands(m, k, n, ElementType.F16, seed);
                    CheckRows<Vector512<float>, Lanes512>(operands);
                    CheckRows<Vector256<float>, Lanes256>(operands);
                    CheckRows<Vector128<float>, Lanes128>(operands);
                },
                iter: 60);

        static void CheckRows<TVector, TLanes>(Operands operands)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            Multiply<TVector, TLanes>(operands.Arguments());
            float[] together = operands.Outputs();
            for (int row = 0; row < operands.Rows; row++)
            {
                operands.ClearOutputs();
                Multiply<TVector, TLanes>(operands.Arguments(row, 1));
                Assert.True(operands.Output(row).SequenceEqual(together.AsSpan(row * operands.Columns, operands.Columns)));
            }
        }
    }

    [Fact]
    public void Tiles_of_both_sides_give_the_same_bits()
    {
        using var operands = new Operands(15, 1000, 15, ElementType.F32, seed: 3);
        int width = Lanes256.Width;
        float[] five = Sums<Tile5>();
        float[] three = Sums<Tile3>();
        Assert.Equal(five, three);

        float[] Sums<TTile>()
            where TTile : IMatMulTile
        {
            int side = TTile.Side;
            int steps = 1000 / width;
            float* a = Buffer(steps * side * width);
            float* w = Buffer(steps * side * width);
            float* tileSums = Buffer(side * side);
            var sums = new float[15 * 15];
            for (int tileRow = 0; tileRow < 15; tileRow += side)
            {
                for (int tileColumn = 0; tileColumn < 15; tileColumn += side)
                {
                    for (int step = 0; step < steps; step++)
                    {
                        for (int i = 0; i < side; i++)
                        {
                            for (int lane = 0; lane < width; lane++)
                            {
                                a[(((step * side) + i) * width) + lane] = operands.A[((tileRow + i) * 1000) + (step * width) + lane];
                                w[(((step * side) + i) * width) + lane] = ((float*)operands.Weights)[((tileColumn + i) * 1000) + (step * width) + lane];
                            }
                        }
                    }
                    TTile.Multiply<Vector256<float>, Lanes256>(a, w, steps, tileSums, side);
                    for (int i = 0; i < side; i++)
                    {
                        for (int j = 0; j < side; j++)
                            sums[((tileRow + i) * 15) + tileColumn + j] = tileSums[(i * side) + j];
                    }
                }
            }
            NativeMemory.AlignedFree(a);
            NativeMemory.AlignedFree(w);
            NativeMemory.AlignedFree(tileSums);
            return sums;
        }
    }

    [Fact]
    public void Bias_activation_and_residual_follow_in_this_order_and_residual_may_be_the_output()
    {
        using var operands = new Operands(6, 40, 37, ElementType.F32, seed: 5);
        Multiply<Vector256<float>, Lanes256>(operands.Arguments());
        float[] plain = operands.Outputs();
        float* bias = Buffer(37);
        for (int i = 0; i < 37; i++)
            bias[i] = i * 0.01f;
        for (int row = 0; row < 6; row++)
        {
            for (int column = 0; column < 37; column++)
                operands.Output(row)[column] = row - column;
        }
        Multiply<Vector256<float>, Lanes256>(operands.Arguments(bias: bias, activation: MatMulActivation.QuickGelu, addToOutput: true));
        for (int row = 0; row < 6; row++)
        {
            for (int column = 0; column < 37; column++)
            {
                double x = plain[(row * 37) + column] + bias[column];
                Assert.Equal((x / (1 + Math.Exp(-1.702 * x))) + row - column, operands.Output(row)[column], 2e-6 * Math.Max(1, Math.Abs(row - column)));
            }
        }
        NativeMemory.AlignedFree(bias);
    }

    private static void CheckAgainstDefinition<TVector, TLanes>(Operands operands, int outputs)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        operands.ClearOutputs();
        Multiply<TVector, TLanes>(operands.Arguments());
        var random = new Random(1);
        // A lane adds n products of variance 1/9, so its i-th rounding errs by u sqrt(i / 9) at most; K / n lanes of n such errors
        // have a standard deviation of u / sqrt(3) * sqrt(K n / 18) = 8e-9 sqrt(K n). Seven of them are allowed, and the rounding of
        // the lanes' own sum.
        double n = (double)Math.Min(operands.K, MatMul.ChunkLength(operands.K)) / TLanes.Width;
        double bound = (7 * 8e-9 * Math.Sqrt(operands.K * Math.Max(n, 1))) + (6e-8 * Math.Sqrt(operands.K)) + 2e-7;
        for (int i = 0; i < outputs; i++)
        {
            int row = random.Next(operands.Rows);
            int column = random.Next(operands.Columns);
            double expected = operands.Define(row, column);
            Assert.InRange(operands.Output(row)[column] - expected, -bound, bound);
        }
    }

    internal static void Multiply<TVector, TLanes>(MatMulArguments arguments)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        if (arguments.Rows == 1)
        {
            MatMul.Vector<TVector, TLanes>(arguments, 0, arguments.Columns / 3, float16Rows: 0);
            MatMul.Vector<TVector, TLanes>(arguments, arguments.Columns / 3, arguments.Columns, float16Rows: 0);
            return;
        }
        float* packed = Buffer(MatMul.PackedFloats(arguments.Rows, arguments.K));
        float* scratch = Buffer(MatMul.PanelScratchFloats(arguments.K));
        float* sums = Buffer((long)arguments.Rows * arguments.Columns);
        for (int tile = 0; tile < (arguments.Rows + MatMul.TileSide - 1) / MatMul.TileSide; tile++)
            MatMul.Pack<TVector, TLanes>(arguments, packed, tile);
        int panelRows = MatMul.PanelRows(arguments.K);
        for (int chunk = 0; chunk < MatMul.ChunkCount(arguments.K); chunk++)
        {
            for (int panel = 0; panel < (arguments.Columns + panelRows - 1) / panelRows; panel++)
                MatMul.Panel<TVector, TLanes>(arguments, packed, sums, arguments.Columns, chunk, panel, scratch);
        }
        NativeMemory.AlignedFree(packed);
        NativeMemory.AlignedFree(scratch);
        NativeMemory.AlignedFree(sums);
    }

    private static float* Buffer(long floats) => (float*)NativeMemory.AlignedAlloc((nuint)(floats * sizeof(float)), 64);

    private sealed class Operands : IDisposable
    {
        private readonly float* _c;
        private readonly WeightSegment* _segments;

        public Operands(int m, int k, int n, ElementType type, int seed)
        {
            (Rows, K, Columns, Type) = (m, k, n, type);
            A = Buffer((long)m * k);
            _c = Buffer((long)m * n);
            Weights = (byte*)Buffer((long)n * k);
            var random = new Random(seed);
            for (long i = 0; i < (long)m * k; i++)
                A[i] = (random.NextSingle() * 2) - 1;
            for (long i = 0; i < (long)n * k; i++)
            {
                float value = (random.NextSingle() * 2) - 1;
                if (type == ElementType.F32)
                    ((float*)Weights)[i] = value;
                else if (type == ElementType.F16)
                    ((Half*)Weights)[i] = (Half)value;
                else
                    ((ushort*)Weights)[i] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
            // Two segments that meet inside a tile, as joined projections do.
            int first = n > 1 ? (n / 2) + 1 : 1;
            _segments = (WeightSegment*)Buffer(64);
            _segments[0] = new WeightSegment((nint)Weights, type, Math.Min(first, n));
            _segments[1] = new WeightSegment((nint)(Weights + ((long)first * k * type.Size())), type, Math.Max(0, n - first));
        }

        public int Rows { get; }

        public int K { get; }

        public int Columns { get; }

        public ElementType Type { get; }

        public float* A { get; }

        public byte* Weights { get; }

        public Span<float> Output(int row) => new(_c + ((long)row * Columns), Columns);

        public float[] Outputs() => new ReadOnlySpan<float>(_c, Rows * Columns).ToArray();

        public void ClearOutputs() => new Span<float>(_c, Rows * Columns).Fill(float.NaN);

        public double Define(int row, int column) =>
            MatMul.Output(A + ((long)row * K), new WeightSegment((nint)Weights, Type, Columns), column, K);

        public MatMulArguments Arguments(
            int row = 0, int rows = 0, float* bias = null, MatMulActivation activation = MatMulActivation.None, bool addToOutput = false) => new()
            {
                A = A + ((long)row * K),
                AStride = K,
                Rows = rows == 0 ? Rows : rows,
                K = K,
                Segments = _segments,
                SegmentCount = 2,
                Columns = Columns,
                Bias = bias,
                Activation = activation,
                Residual = addToOutput ? _c : null,
                C = _c + ((long)row * Columns),
                CStride = Columns,
            };

        public void Dispose()
        {
            NativeMemory.AlignedFree(A);
            NativeMemory.AlignedFree(Weights);
            NativeMemory.AlignedFree(_c);
            NativeMemory.AlignedFree(_segments);
        }
    }
}
