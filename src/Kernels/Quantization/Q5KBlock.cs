using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 8 groups of 32, in 176 bytes: w[32 g + i] = d s[g] q - m t[g], s and t in 0…63, q in 0…31. Bytes 0-1: d, 2-3: m
/// (binary16). Bytes 4-15: s and t as <see cref="SixBitScales"/> has them. Bytes 16-47: bit g of byte l is bit 4 of the q of
/// weight 32 g + l. Bytes 48-175: the lower four bits of q as in <see cref="BlockQ4_K"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ5_K : IQuantizableBlock<BlockQ5_K>
{
    internal static readonly KQuantLevels Levels = new(
        GroupSize: 32, SmallestQuant: 0, LargestQuant: 31, SmallestScale: 0, LargestScale: 63, LargestMinimum: 63);

    /// <summary>The scale d of the group scales s.</summary>
    public Half Scale;

    /// <summary>The scale m of the group minima t.</summary>
    public Half MinimumScale;

    /// <summary>s and t, six bits each.</summary>
    public fixed byte GroupScales[12];

    /// <summary>Bit 4 of every q.</summary>
    public fixed byte QuantsHigh[32];

    /// <summary>The lower four bits of q, two a byte.</summary>
    public fixed byte QuantsLow[128];

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 32;

    /// <inheritdoc/>
    public static bool HasMinima => true;

    /// <inheritdoc/>
    public static void Unpack(BlockQ5_K* block, sbyte* quants, float* scales, float* minima)
    {
        SixBitScales.Unpack(block->GroupScales, block->Scale, block->MinimumScale, scales, minima);
        for (int i = 0; i < WeightCount; i += 16)
        {
            int group = i / 32;
            Vector128<byte> low = PackedBits.Nibbles(block->QuantsLow + (group / 2 * 32) + (i % 32), group % 2 * 4);
            PackedBits.Store(low | (PackedBits.Bits(block->QuantsHigh + (i % 32), group) << 4), 0, quants + i);
        }
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ5_K* block, float* weights)
    {
        for (int group = 0; group < 8; group++)
        {
            (int groupScale, int groupMinimum) = SixBitScales.Read(block->GroupScales, group);
            float scale = (float)block->Scale * groupScale;
            float minimum = (float)block->MinimumScale * groupMinimum;
            byte* low = block->QuantsLow + group / 2 * 32;
            int shift = group % 2 * 4;
            for (int l = 0; l < 32; l++)
            {
                int quant = ((low[l] >> shift) & 15) | (((block->QuantsHigh[l] >> group) & 1) << 4);
                weights[32 * group + l] = scale * quant - minimum;
            }
        }
    }

    /// <summary>Searches for the block of smallest squared error; it is never above that of plain rounding.</summary>
    public static void Quantize(float* weights, BlockQ5_K* block)
    {
        KQuantFit fit;
        KQuantSearch.Fit(Levels, weights, &fit);
        *block = new BlockQ5_K { Scale = fit.Scale, MinimumScale = fit.MinimumScale };
        for (int group = 0; group < 8; group++)
        {
            SixBitScales.Write(block->GroupScales, group, fit.GroupScales[group], fit.GroupMinima[group]);
            for (int l = 0; l < 32; l++)
            {
                int quant = (int)fit.Quants[32 * group + l];
                block->QuantsLow[group / 2 * 32 + l] |= (byte)((quant & 15) << (group % 2 * 4));
                block->QuantsHigh[l] |= (byte)((quant >> 4) << group);
            }
        }
    }
}
