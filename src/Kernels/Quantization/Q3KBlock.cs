using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 16 groups of 16, in 110 bytes: w[16 g + i] = d (s[g] - 32) (q - 4), s in 0…63, q in 0…7. Bytes 0-31: bit k of byte
/// l is bit 2 of the q of weight 32 k + l. Bytes 32-95: the lower two bits of q as in <see cref="BlockQ2_K"/>. Bytes 96-103: byte
/// g is the lower four bits of s[g] (low nibble) and s[g + 8] (high one). Bytes 104-107: bits 2k and 2k + 1 of byte g are bits 4
/// and 5 of s[4 k + g]. Bytes 108-109: d (binary16).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ3_K : IQuantizableBlock<BlockQ3_K>
{
    internal static readonly KQuantLevels Levels = new(
        GroupSize: 16, SmallestQuant: -4, LargestQuant: 3, SmallestScale: -32, LargestScale: 31, LargestMinimum: 0);

    /// <summary>Bit 2 of every q.</summary>
    public fixed byte QuantsHigh[32];

    /// <summary>The lower two bits of q, four a byte.</summary>
    public fixed byte QuantsLow[64];

    /// <summary>The lower four bits of s, two a byte.</summary>
    public fixed byte GroupScalesLow[8];

    /// <summary>Bits 4 and 5 of s, four a byte.</summary>
    public fixed byte GroupScalesHigh[4];

    /// <summary>The scale d of the group scales.</summary>
    public Half Scale;

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 16;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockQ3_K* block, sbyte* quants, float* scales, float* minima)
    {
        float scale = (float)block->Scale;
        for (int group = 0; group < 16; group++)
            scales[group] = scale * GroupScale(block, group);
        TwoBits.Unpack(block->QuantsLow, quants);
        for (int i = 0; i < WeightCount; i += 16)
        {
            Vector128<byte> low = Vector128.Load((byte*)quants + i);
            PackedBits.Store(low | (PackedBits.Bits(block->QuantsHigh + (i % 32), i / 32) << 2), 4, quants + i);
        }
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ3_K* block, float* weights)
    {
        for (int group = 0; group < 16; group++)
        {
            float scale = (float)block->Scale * GroupScale(block, group);
            for (int i = 16 * group; i < 16 * group + 16; i++)
            {
                int quant = TwoBits.Read(block->QuantsLow, i) | (((block->QuantsHigh[i % 32] >> (i / 32)) & 1) << 2);
                weights[i] = scale * (quant - 4);
            }
        }
    }

    /// <summary>Searches for the block of smallest squared error; it is never above that of plain rounding.</summary>
    public static void Quantize(float* weights, BlockQ3_K* block)
    {
        KQuantFit fit;
        KQuantSearch.Fit(Levels, weights, &fit);
        *block = new BlockQ3_K { Scale = fit.Scale };
        for (int group = 0; group < 16; group++)
        {
            int scale = fit.GroupScales[group] + 32;
            block->GroupScalesLow[group % 8] |= (byte)((scale & 15) << (group / 8 * 4));
            block->GroupScalesHigh[group % 4] |= (byte)((scale >> 4) << (group / 4 * 2));
        }
        for (int i = 0; i < WeightCount; i++)
        {
            int quant = (int)fit.Quants[i] + 4;
            TwoBits.Write(block->QuantsLow, i, quant & 3);
            block->QuantsHigh[i % 32] |= (byte)((quant >> 2) << (i / 32));
        }
    }

    /// <summary>s - 32 of a group.</summary>
    internal static int GroupScale(BlockQ3_K* block, int group)
    {
        int low = (block->GroupScalesLow[group % 8] >> (group / 8 * 4)) & 15;
        int high = (block->GroupScalesHigh[group % 4] >> (group / 4 * 2)) & 3;
        return (low | (high << 4)) - 32;
    }
}
