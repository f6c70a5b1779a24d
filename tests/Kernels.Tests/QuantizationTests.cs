using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class QuantizationTests
{
    private static readonly SafetensorsFixture Reference = new(Fixtures.Path("gguf", "blocks.safetensors"));

    public static TheoryData<ElementType> WeightTypes =>
    [
        ElementType.F32, ElementType.F16, ElementType.BF16,
        ElementType.Q4_0, ElementType.Q4_1, ElementType.Q5_0, ElementType.Q5_1, ElementType.Q8_0,
        ElementType.Q2_K, ElementType.Q3_K, ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K,
        ElementType.IQ4_NL, ElementType.IQ4_XS,
    ];

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Dequantised_weights_have_the_bits_of_the_reference(ElementType type)
    {
        int[] shape = Reference.Shape($"{type}.f32");
        int rows = shape[0], columns = shape[1];
        Assert.Equal([rows, (int)type.RowBytes(columns)], Reference.Shape($"{type}.raw"));
        var weights = new float[columns];
        for (int row = 0; row < rows; row++)
        {
            fixed (byte* blocks = Reference.Bytes($"{type}.raw"))
            fixed (float* destination = weights)
                Dequantize.Row(type, blocks + row * type.RowBytes(columns), columns, destination);
            ReadOnlySpan<float> expected = Reference.Floats($"{type}.f32").Slice(row * columns, columns);
            Assert.Equal(MemoryMarshal.Cast<float, int>(expected).ToArray(), MemoryMarshal.Cast<float, int>(weights).ToArray());
        }
    }

    [Theory]
    [InlineData(ElementType.Q4_0)]
    [InlineData(ElementType.Q4_1)]
    [InlineData(ElementType.Q5_0)]
    [InlineData(ElementType.Q5_1)]
    [InlineData(ElementType.Q8_0)]
    [InlineData(ElementType.BF16)]
    public void Quantised_rows_have_the_bytes_of_the_reference(ElementType type)
    {
        int[] shape = Reference.Shape("quantise.input");
        var bytes = new byte[type.RowBytes(shape[1])];
        for (int row = 0; row < shape[0]; row++)
        {
            fixed (float* weights = Reference.Floats("quantise.input"))
            fixed (byte* destination = bytes)
                Quantize.Row(type, weights + row * shape[1], shape[1], destination);
            Assert.Equal(Reference.Bytes($"quantise.{type}.raw").Slice(row * bytes.Length, bytes.Length).ToArray(), bytes);
        }
    }

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void The_SIMD_forms_have_the_bits_of_the_definition(ElementType type)
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            ReadOnlySpan<byte> raw = Reference.Bytes($"{type}.raw");
            int columns = Reference.Shape($"{type}.f32")[0] * Reference.Shape($"{type}.f32")[1];
            using var expected = new NativeBuffer<float>(columns);
            using var actual = new NativeBuffer<float>(columns, float.NaN);
            fixed (byte* blocks = raw)
            {
                Dequantize.Row(type, blocks, columns, expected.Pointer);
                Dequantize.Cpu<TVector, TLanes>(type, blocks, columns, actual.Pointer);
            }
            NativeBuffer.AssertSameBits(expected.Span, actual.Span);
        }
    }

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Several_blocks_make_a_row(ElementType type)
    {
        int[] shape = Reference.Shape($"{type}.f32");
        int columns = 3 * shape[1];
        var weights = new float[columns];
        fixed (byte* blocks = Reference.Bytes($"{type}.raw"))
        fixed (float* destination = weights)
            Dequantize.Row(type, blocks + 40 * type.RowBytes(shape[1]), columns, destination);
        Assert.Equal(Reference.Floats($"{type}.f32").Slice(40 * shape[1], columns).ToArray(), weights);
    }

    [Fact]
    public void A_row_must_end_with_a_block()
    {
        Assert.Equal(5 * 144, ElementType.Q4_K.RowBytes(1280));
        Assert.Throws<ArgumentException>(() => ElementType.Q4_K.RowBytes(1281));
        Assert.Throws<OverflowException>(() => ElementType.F32.RowBytes(long.MaxValue / 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => ElementType.Q8_0.Size());
        Assert.Equal(2, ElementType.BF16.Size());
    }

    [Fact]
    public void Integers_are_no_weights()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Dequantize.Row(ElementType.I64, null, 1, null));
        Assert.Throws<ArgumentOutOfRangeException>(() => Quantize.Row(ElementType.I32, null, 1, null));
    }
}
