using System.Runtime.InteropServices;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Kernels.Tests;

/// <summary>Weights of every type, made of the reference's blocks, and what they stand for.</summary>
internal static unsafe class QuantizedBlocks
{
    public static readonly ElementType[] Types =
    [
        ElementType.F32, ElementType.F16, ElementType.BF16,
        ElementType.Q4_0, ElementType.Q4_1, ElementType.Q5_0, ElementType.Q5_1, ElementType.Q8_0,
        ElementType.Q2_K, ElementType.Q3_K, ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K,
        ElementType.IQ4_NL, ElementType.IQ4_XS,
    ];

    private static readonly SafetensorsFixture Reference = new(Fixtures.Path("gguf", "blocks.safetensors"));

    /// <summary>Rows of blocks taken at random.</summary>
    public static NativeBuffer<byte> Rows(ElementType type, int rows, int columns, int seed)
    {
        ReadOnlySpan<byte> raw = Reference.Bytes($"{type}.raw");
        // The reference has one block a row; 32 numbers of the plain types.
        int blockBytes = Reference.Shape($"{type}.raw")[1];
        var bytes = new NativeBuffer<byte>(rows * type.RowBytes(columns));
        var random = new Random(seed);
        for (int i = 0; i < bytes.Length; i += blockBytes)
            raw.Slice(random.Next(raw.Length / blockBytes) * blockBytes, Math.Min(blockBytes, bytes.Length - i)).CopyTo(bytes.Span[i..]);
        if (type == ElementType.F16)
            DropInfinities(MemoryMarshal.Cast<byte, ushort>(bytes.Span));
        return bytes;
    }

    /// <summary>The same weights as fp32.</summary>
    public static NativeBuffer<float> Widen(ElementType type, NativeBuffer<byte> bytes, int rows, int columns)
    {
        var weights = new NativeBuffer<float>((long)rows * columns);
        for (int row = 0; row < rows; row++)
            Dequantize.Row(type, bytes.Pointer + (row * type.RowBytes(columns)), columns, weights.Pointer + ((long)row * columns));
        return weights;
    }

    /// <summary>The reference holds infinities and NaN in fp16, which the matrix product takes for numbers.</summary>
    private static void DropInfinities(Span<ushort> halves)
    {
        foreach (ref ushort half in halves)
        {
            if (!Half.IsFinite(BitConverter.UInt16BitsToHalf(half)))
                half = 0;
        }
    }
}
