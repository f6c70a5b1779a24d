using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 8 groups of 32, in 144 bytes: w[32 g + i] = d s[g] q - m t[g], s and t in 0…63, q in 0…15. Bytes 0-1: d, 2-3: m
/// (binary16). Bytes 4-15: s and t as <see cref="SixBitScales"/> has them. Bytes 16-143: 32 a pair of groups, byte l with the q
/// of weight l of the even group (low nibble) and of the odd one (high).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ4_K : IQuantizableBlock<BlockQ4_K>
{
    internal static readonly KQuantLevels Levels = new(
        GroupSize: 32, SmallestQuant: 0, LargestQuant: 15, SmallestScale: 0, LargestScale: 63, LargestMinimum: 63);

    /// <summary>The scale d of the group scales s.</summary>
    public Half Scale;

    /// <summary>The scale m of the group minima t.</summary>
    public Half MinimumScale;

    /// <summary>s and t, six bits each.</summary>
    public fixed byte GroupScales[12];

    /// <summary>q, two a byte.</summary>
    public fixed byte Quants[128];

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 32;

    /// <inheritdoc/>
    public static bool HasMinima => true;

    /// <inheritdoc/>
    public static void Unpack(BlockQ4_K* block, sbyte* quants, float* scales, float* minima)
    {
        SixBitScales.Unpack(block->GroupScales, block->Scale, block->MinimumScale, scales, minima);
        for (int group = 0; group < 8; group++)
        {
            byte* packed = block->Quants + (group / 2 * 32);
            PackedBits.Store(PackedBits.Nibbles(packed, group % 2 * 4), 0, quants + (32 * group));
            PackedBits.Store(PackedBits.Nibbles(packed + 16, group % 2 * 4), 0, quants + (32 * group) + 16);
        }
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ4_K* block, float* weights)
    {
        for (int group = 0; group < 8; group++)
        {
            (int groupScale, int groupMinimum) = SixBitScales.Read(block->GroupScales, group);
            float scale = (float)block->Scale * groupScale;
            float minimum = (float)block->MinimumScale * groupMinimum;
            byte* quants = block->Quants + group / 2 * 32;
            int shift = group % 2 * 4;
            for (int l = 0; l < 32; l++)
                weights[32 * group + l] = scale * ((quants[l] >> shift) & 15) - minimum;
        }
    }

    /// <summary>Searches for the block of smallest squared error; it is never above that of plain rounding.</summary>
    public static void Quantize(float* weights, BlockQ4_K* block)
    {
        KQuantFit fit;
        KQuantSearch.Fit(Levels, weights, &fit);
        *block = new BlockQ4_K { Scale = fit.Scale, MinimumScale = fit.MinimumScale };
        for (int group = 0; group < 8; group++)
        {
            SixBitScales.Write(block->GroupScales, group, fit.GroupScales[group], fit.GroupMinima[group]);
            for (int l = 0; l < 32; l++)
                block->Quants[group / 2 * 32 + l] |= (byte)((int)fit.Quants[32 * group + l] << (group % 2 * 4));
        }
    }
}

/// <summary>
/// How <see cref="BlockQ4_K"/> and <see cref="BlockQ5_K"/> hold eight scales s and eight minima t of six bits in 12 bytes: for g in
/// 0…3, byte g is s[g], byte 4 + g is t[g] (lower six bits each), byte 8 + g the lower four bits of s[4 + g] (low nibble) and of
/// t[4 + g] (high); bits 4 and 5 of s[4 + g] and t[4 + g] are the upper two bits of bytes g and 4 + g.
/// </summary>
public static unsafe class SixBitScales
{
    /// <summary>s and t of a group 0…7.</summary>
    public static (int Scale, int Minimum) Read(byte* packed, int group)
    {
        if (group < 4)
            return (packed[group] & 63, packed[4 + group] & 63);
        int scale = (packed[4 + group] & 15) | ((packed[group - 4] >> 6) << 4);
        int minimum = (packed[4 + group] >> 4) | ((packed[group] >> 6) << 4);
        return (scale, minimum);
    }

    /// <summary>The scale d s and the minimum -m t of every group.</summary>
    internal static void Unpack(byte* packed, Half scale, Half minimumScale, float* scales, float* minima)
    {
        float ofScales = (float)scale;
        float ofMinima = (float)minimumScale;
        for (int group = 0; group < 8; group++)
        {
            (int groupScale, int groupMinimum) = Read(packed, group);
            scales[group] = ofScales * groupScale;
            minima[group] = -(ofMinima * groupMinimum);
        }
    }

    /// <summary>Puts s and t, each in 0…63, of a group into 12 bytes whose bits for that group are 0.</summary>
    internal static void Write(byte* packed, int group, int scale, int minimum)
    {
        if (group < 4)
        {
            packed[group] |= (byte)scale;
            packed[4 + group] |= (byte)minimum;
            return;
        }
        packed[4 + group] |= (byte)((scale & 15) | (minimum << 4));
        packed[group - 4] |= (byte)((scale >> 4) << 6);
        packed[group] |= (byte)((minimum >> 4) << 6);
    }
}
