using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 32 weights in 22 bytes: w[i] = (q[i] - 16) d, q in 0…31. Bytes 0-1: d (binary16). Bytes 2-5: a 32-bit word whose bit i is bit
/// 4 of q[i]. Bytes 6-21: byte j holds the lower four bits of q[j] in its low nibble and those of q[j + 16] in its high one.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ5_0 : IQuantizableBlock<BlockQ5_0>
{
    /// <summary>The scale d.</summary>
    public Half Scale;

    /// <summary>Bit 4 of every q.</summary>
    public uint HighBits;

    /// <summary>The lower four bits of q, two a byte.</summary>
    public fixed byte Quants[16];

    /// <inheritdoc/>
    public static int WeightCount => 32;

    /// <inheritdoc/>
    public static int GroupSize => WeightCount;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockQ5_0* block, sbyte* quants, float* scales, float* minima)
    {
        FiveBits.Unpack(block->Quants, block->HighBits, 16, quants);
        *scales = (float)block->Scale;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ5_0* block, float* weights)
    {
        float scale = (float)block->Scale;
        for (int i = 0; i < WeightCount; i++)
            weights[i] = (FiveBits.Read(block->Quants, block->HighBits, i) - 16) * scale;
    }

    /// <summary>
    /// d = m / -16 with m the weight of largest magnitude, which becomes q = 0 exactly; q = min(31, ⌊w / d + 16.5⌋).
    /// </summary>
    public static void Quantize(float* weights, BlockQ5_0* block)
    {
        float scale = RoundToNearest.LargestMagnitude(weights, WeightCount) / -16;
        float inverse = RoundToNearest.Inverse(scale);
        *block = new BlockQ5_0 { Scale = (Half)scale };
        for (int i = 0; i < WeightCount; i++)
            FiveBits.Write(block->Quants, ref block->HighBits, i, Math.Min(31, (int)(weights[i] * inverse + 16.5f)));
    }
}

/// <summary>
/// 32 weights in 24 bytes: w[i] = q[i] d + m, q in 0…31. Bytes 0-1: d, 2-3: m (binary16). Bytes 4-7: a 32-bit word whose bit i
/// is bit 4 of q[i]. Bytes 8-23: byte j holds the lower four bits of q[j] in its low nibble and those of q[j + 16] in its high one.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ5_1 : IQuantizableBlock<BlockQ5_1>
{
    /// <summary>The scale d.</summary>
    public Half Scale;

    /// <summary>The smallest weight m.</summary>
    public Half Minimum;

    /// <summary>Bit 4 of every q.</summary>
    public uint HighBits;

    /// <summary>The lower four bits of q, two a byte.</summary>
    public fixed byte Quants[16];

    /// <inheritdoc/>
    public static int WeightCount => 32;

    /// <inheritdoc/>
    public static int GroupSize => WeightCount;

    /// <inheritdoc/>
    public static bool HasMinima => true;

    /// <inheritdoc/>
    public static void Unpack(BlockQ5_1* block, sbyte* quants, float* scales, float* minima)
    {
        FiveBits.Unpack(block->Quants, block->HighBits, 0, quants);
        *scales = (float)block->Scale;
        *minima = (float)block->Minimum;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ5_1* block, float* weights)
    {
        float scale = (float)block->Scale;
        float minimum = (float)block->Minimum;
        for (int i = 0; i < WeightCount; i++)
            weights[i] = FiveBits.Read(block->Quants, block->HighBits, i) * scale + minimum;
    }

    /// <summary>m = min w, d = (max w - m) / 31, q = min(31, ⌊(w - m) / d + 0.5⌋).</summary>
    public static void Quantize(float* weights, BlockQ5_1* block)
    {
        (float minimum, float maximum) = RoundToNearest.Range(weights, WeightCount);
        float scale = (maximum - minimum) / 31;
        float inverse = RoundToNearest.Inverse(scale);
        *block = new BlockQ5_1 { Scale = (Half)scale, Minimum = (Half)minimum };
        for (int i = 0; i < WeightCount; i++)
        {
            int quant = Math.Min(31, (int)((weights[i] - minimum) * inverse + 0.5f));
            FiveBits.Write(block->Quants, ref block->HighBits, i, quant);
        }
    }
}

/// <summary>How <see cref="BlockQ5_0"/> and <see cref="BlockQ5_1"/> hold the five bits of a quant.</summary>
internal static unsafe class FiveBits
{
    public static int Read(byte* nibbles, uint highBits, int i) =>
        ((nibbles[i & 15] >> (i < 16 ? 0 : 4)) & 15) | (int)((highBits >> i) & 1) << 4;

    public static void Unpack(byte* nibbles, uint highBits, sbyte offset, sbyte* quants)
    {
        PackedBits.Store(PackedBits.LowNibbles(nibbles) | PackedBits.SixteenWhereSet((ushort)highBits), offset, quants);
        PackedBits.Store(PackedBits.HighNibbles(nibbles) | PackedBits.SixteenWhereSet((ushort)(highBits >> 16)), offset, quants + 16);
    }

    public static void Write(byte* nibbles, ref uint highBits, int i, int quant)
    {
        nibbles[i & 15] |= (byte)((quant & 15) << (i < 16 ? 0 : 4));
        highBits |= (uint)(quant >> 4) << i;
    }
}
