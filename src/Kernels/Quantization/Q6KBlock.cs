using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 16 groups of 16, in 210 bytes: w[16 g + i] = d s[g] (q - 32), s in -128…127, q in 0…63. Of each 128 weights, weight
/// 64 h + r (r in 0…63) has the lower four bits of its q in byte r of 64 (low nibble for h = 0, high for 1), and weight 32 k + l
/// has the upper two in bits 2k and 2k + 1 of byte l of 32. Bytes 0-127: the lower bits, 128-191: the upper ones, 192-207: s,
/// 208-209: d (binary16).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ6_K : IQuantizableBlock<BlockQ6_K>
{
    internal static readonly KQuantLevels Levels = new(
        GroupSize: 16, SmallestQuant: -32, LargestQuant: 31, SmallestScale: -128, LargestScale: 127, LargestMinimum: 0);

    /// <summary>The lower four bits of q, two a byte.</summary>
    public fixed byte QuantsLow[128];

    /// <summary>The upper two bits of q, four a byte.</summary>
    public fixed byte QuantsHigh[64];

    /// <summary>The group scales s.</summary>
    public fixed sbyte GroupScales[16];

    /// <summary>The scale d of the group scales.</summary>
    public Half Scale;

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 16;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockQ6_K* block, sbyte* quants, float* scales, float* minima)
    {
        TwoBits.Unpack(block->QuantsHigh, quants);
        for (int i = 0; i < WeightCount; i += 16)
        {
            Vector128<byte> low = PackedBits.Nibbles(block->QuantsLow + (i / 128 * 64) + (i % 64), i / 64 % 2 * 4);
            PackedBits.Store(low | (Vector128.Load((byte*)quants + i) << 4), 32, quants + i);
        }
        float scale = (float)block->Scale;
        for (int group = 0; group < 16; group++)
            scales[group] = scale * block->GroupScales[group];
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ6_K* block, float* weights)
    {
        for (int group = 0; group < 16; group++)
        {
            float scale = (float)block->Scale * block->GroupScales[group];
            for (int i = 16 * group; i < 16 * group + 16; i++)
            {
                int low = (block->QuantsLow[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4)) & 15;
                weights[i] = scale * ((low | (TwoBits.Read(block->QuantsHigh, i) << 4)) - 32);
            }
        }
    }

    /// <summary>Searches for the block of smallest squared error; it is never above that of plain rounding.</summary>
    public static void Quantize(float* weights, BlockQ6_K* block)
    {
        KQuantFit fit;
        KQuantSearch.Fit(Levels, weights, &fit);
        *block = new BlockQ6_K { Scale = fit.Scale };
        for (int group = 0; group < 16; group++)
            block->GroupScales[group] = (sbyte)fit.GroupScales[group];
        for (int i = 0; i < WeightCount; i++)
        {
            int quant = (int)fit.Quants[i] + 32;
            block->QuantsLow[i / 128 * 64 + i % 64] |= (byte)((quant & 15) << (i / 64 % 2 * 4));
            TwoBits.Write(block->QuantsHigh, i, quant >> 4);
        }
    }
}
