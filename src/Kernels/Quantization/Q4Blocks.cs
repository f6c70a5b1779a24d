using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 32 weights in 18 bytes: w[i] = (q[i] - 8) d, q in 0…15. Bytes 0-1: d (binary16). Bytes 2-17: byte j holds q[j] in its low
/// nibble and q[j + 16] in its high one.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ4_0 : IQuantizableBlock<BlockQ4_0>
{
    /// <summary>The scale d.</summary>
    public Half Scale;

    /// <summary>q, two a byte.</summary>
    public fixed byte Quants[16];

    /// <inheritdoc/>
    public static int WeightCount => 32;

    /// <inheritdoc/>
    public static int GroupSize => WeightCount;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockQ4_0* block, sbyte* quants, float* scales, float* minima)
    {
        PackedBits.Store(PackedBits.LowNibbles(block->Quants), 8, quants);
        PackedBits.Store(PackedBits.HighNibbles(block->Quants), 8, quants + 16);
        *scales = (float)block->Scale;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ4_0* block, float* weights)
    {
        float scale = (float)block->Scale;
        for (int j = 0; j < 16; j++)
        {
            weights[j] = ((block->Quants[j] & 15) - 8) * scale;
            weights[j + 16] = ((block->Quants[j] >> 4) - 8) * scale;
        }
    }

    /// <summary>
    /// d = m / -8 with m the weight of largest magnitude, which becomes q = 0 exactly; q = min(15, ⌊w / d + 8.5⌋).
    /// </summary>
    public static void Quantize(float* weights, BlockQ4_0* block)
    {
        float scale = RoundToNearest.LargestMagnitude(weights, WeightCount) / -8;
        float inverse = RoundToNearest.Inverse(scale);
        block->Scale = (Half)scale;
        for (int j = 0; j < 16; j++)
        {
            int low = Math.Min(15, (int)(weights[j] * inverse + 8.5f));
            int high = Math.Min(15, (int)(weights[j + 16] * inverse + 8.5f));
            block->Quants[j] = (byte)(low | (high << 4));
        }
    }
}

/// <summary>
/// 32 weights in 20 bytes: w[i] = q[i] d + m, q in 0…15. Bytes 0-1: d, 2-3: m (binary16). Bytes 4-19: byte j holds q[j] in its
/// low nibble and q[j + 16] in its high one.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ4_1 : IQuantizableBlock<BlockQ4_1>
{
    /// <summary>The scale d.</summary>
    public Half Scale;

    /// <summary>The smallest weight m.</summary>
    public Half Minimum;

    /// <summary>q, two a byte.</summary>
    public fixed byte Quants[16];

    /// <inheritdoc/>
    public static int WeightCount => 32;

    /// <inheritdoc/>
    public static int GroupSize => WeightCount;

    /// <inheritdoc/>
    public static bool HasMinima => true;

    /// <inheritdoc/>
    public static void Unpack(BlockQ4_1* block, sbyte* quants, float* scales, float* minima)
    {
        PackedBits.Store(PackedBits.LowNibbles(block->Quants), 0, quants);
        PackedBits.Store(PackedBits.HighNibbles(block->Quants), 0, quants + 16);
        *scales = (float)block->Scale;
        *minima = (float)block->Minimum;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ4_1* block, float* weights)
    {
        float scale = (float)block->Scale;
        float minimum = (float)block->Minimum;
        for (int j = 0; j < 16; j++)
        {
            weights[j] = (block->Quants[j] & 15) * scale + minimum;
            weights[j + 16] = (block->Quants[j] >> 4) * scale + minimum;
        }
    }

    /// <summary>m = min w, d = (max w - m) / 15, q = min(15, ⌊(w - m) / d + 0.5⌋).</summary>
    public static void Quantize(float* weights, BlockQ4_1* block)
    {
        (float minimum, float maximum) = RoundToNearest.Range(weights, WeightCount);
        float scale = (maximum - minimum) / 15;
        float inverse = RoundToNearest.Inverse(scale);
        block->Scale = (Half)scale;
        block->Minimum = (Half)minimum;
        for (int j = 0; j < 16; j++)
        {
            int low = Math.Min(15, (int)((weights[j] - minimum) * inverse + 0.5f));
            int high = Math.Min(15, (int)((weights[j + 16] - minimum) * inverse + 0.5f));
            block->Quants[j] = (byte)(low | (high << 4));
        }
    }
}
