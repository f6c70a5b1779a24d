using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 16 groups of 16, in 84 bytes: w[16 g + i] = d s[g] q - m t[g], s and t in 0…15, q in 0…3. Bytes 0-15: byte g is
/// s[g] (low nibble) and t[g] (high one). Bytes 16-79: q; of each 128 weights, weight 32 k + l is bits 2k and 2k + 1 of byte l of
/// 32. Bytes 80-81: d, 82-83: m (binary16).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ2_K : IQuantizableBlock<BlockQ2_K>
{
    internal static readonly KQuantLevels Levels = new(
        GroupSize: 16, SmallestQuant: 0, LargestQuant: 3, SmallestScale: 0, LargestScale: 15, LargestMinimum: 15);

    /// <summary>s and t, one group a byte.</summary>
    public fixed byte GroupScales[16];

    /// <summary>q, four a byte.</summary>
    public fixed byte Quants[64];

    /// <summary>The scale d of the group scales s.</summary>
    public Half Scale;

    /// <summary>The scale m of the group minima t.</summary>
    public Half MinimumScale;

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 16;

    /// <inheritdoc/>
    public static bool HasMinima => true;

    /// <inheritdoc/>
    public static void Unpack(BlockQ2_K* block, sbyte* quants, float* scales, float* minima)
    {
        TwoBits.Unpack(block->Quants, quants);
        float scale = (float)block->Scale;
        float minimumScale = (float)block->MinimumScale;
        for (int group = 0; group < 16; group++)
        {
            scales[group] = scale * (block->GroupScales[group] & 15);
            minima[group] = -(minimumScale * (block->GroupScales[group] >> 4));
        }
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ2_K* block, float* weights)
    {
        for (int group = 0; group < 16; group++)
        {
            float scale = (float)block->Scale * (block->GroupScales[group] & 15);
            float minimum = (float)block->MinimumScale * (block->GroupScales[group] >> 4);
            for (int i = 16 * group; i < 16 * group + 16; i++)
                weights[i] = scale * TwoBits.Read(block->Quants, i) - minimum;
        }
    }

    /// <summary>Searches for the block of smallest squared error; it is never above that of plain rounding.</summary>
    public static void Quantize(float* weights, BlockQ2_K* block)
    {
        KQuantFit fit;
        KQuantSearch.Fit(Levels, weights, &fit);
        *block = new BlockQ2_K { Scale = fit.Scale, MinimumScale = fit.MinimumScale };
        for (int group = 0; group < 16; group++)
            block->GroupScales[group] = (byte)(fit.GroupScales[group] | (fit.GroupMinima[group] << 4));
        for (int i = 0; i < WeightCount; i++)
            TwoBits.Write(block->Quants, i, (int)fit.Quants[i]);
    }
}

/// <summary>How <see cref="BlockQ2_K"/>, <see cref="BlockQ3_K"/> and <see cref="BlockQ6_K"/> hold two bits of each of 256 quants.</summary>
internal static unsafe class TwoBits
{
    public static int Read(byte* packed, int i) => (packed[Index(i)] >> Shift(i)) & 3;

    public static void Unpack(byte* packed, sbyte* quants)
    {
        for (int i = 0; i < 256; i += 16)
            PackedBits.Store(PackedBits.Pairs(packed + Index(i), Shift(i)), 0, quants + i);
    }

    public static void Write(byte* packed, int i, int quant) => packed[Index(i)] |= (byte)(quant << Shift(i));

    private static int Index(int i) => i / 128 * 32 + i % 32;

    private static int Shift(int i) => i / 32 % 4 * 2;
}
