using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>The 16 levels that 4-bit quants of the IQ4 formats stand for: dense around 0, where the weights are.</summary>
public static unsafe class IQ4Levels
{
    /// <summary>Level of each quant 0…15.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>The levels of 32 quants in 16 bytes: byte j has those of weights j (low nibble) and j + 16.</summary>
    internal static void Unpack(byte* packed, sbyte* levels)
    {
        Vector128<byte> table = Vector128.Create(Values).AsByte();
        Vector128.Shuffle(table, PackedBits.LowNibbles(packed)).AsSByte().Store(levels);
        Vector128.Shuffle(table, PackedBits.HighNibbles(packed)).AsSByte().Store(levels + 16);
    }
}

/// <summary>
/// 32 weights in 18 bytes: w[i] = d level(q[i]), levels by <see cref="IQ4Levels"/>. Bytes 0-1: d (binary16). Bytes 2-17: byte j
/// holds q[j] in its low nibble and q[j + 16] in its high one.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockIQ4_NL : IQuantizedBlock<BlockIQ4_NL>
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
    public static void Unpack(BlockIQ4_NL* block, sbyte* quants, float* scales, float* minima)
    {
        IQ4Levels.Unpack(block->Quants, quants);
        *scales = (float)block->Scale;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockIQ4_NL* block, float* weights)
    {
        float scale = (float)block->Scale;
        for (int j = 0; j < 16; j++)
        {
            weights[j] = scale * IQ4Levels.Values[block->Quants[j] & 15];
            weights[j + 16] = scale * IQ4Levels.Values[block->Quants[j] >> 4];
        }
    }
}

/// <summary>
/// 256 weights, 8 groups of 32, in 136 bytes: w[32 g + i] = d (s[g] - 32) level(q), s in 0…63, levels by
/// <see cref="IQ4Levels"/>. Bytes 0-1: d (binary16). Bytes 2-3: bits 2g and 2g + 1 are bits 4 and 5 of s[g]. Bytes 4-7: nibble g
/// is the lower four bits of s[g]. Bytes 8-135: 16 a group, byte j with the quants of weights j (low nibble) and j + 16.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockIQ4_XS : IQuantizedBlock<BlockIQ4_XS>
{
    /// <summary>The scale d of the group scales.</summary>
    public Half Scale;

    /// <summary>Bits 4 and 5 of every s.</summary>
    public ushort GroupScalesHigh;

    /// <summary>The lower four bits of s, two a byte.</summary>
    public fixed byte GroupScalesLow[4];

    /// <summary>q, two a byte.</summary>
    public fixed byte Quants[128];

    /// <inheritdoc/>
    public static int WeightCount => 256;

    /// <inheritdoc/>
    public static int GroupSize => 32;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockIQ4_XS* block, sbyte* quants, float* scales, float* minima)
    {
        float scale = (float)block->Scale;
        for (int group = 0; group < 8; group++)
        {
            IQ4Levels.Unpack(block->Quants + (16 * group), quants + (32 * group));
            scales[group] = scale * GroupScale(block, group);
        }
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockIQ4_XS* block, float* weights)
    {
        for (int group = 0; group < 8; group++)
        {
            float scale = (float)block->Scale * GroupScale(block, group);
            byte* quants = block->Quants + 16 * group;
            float* groupWeights = weights + 32 * group;
            for (int j = 0; j < 16; j++)
            {
                groupWeights[j] = scale * IQ4Levels.Values[quants[j] & 15];
                groupWeights[j + 16] = scale * IQ4Levels.Values[quants[j] >> 4];
            }
        }
    }

    /// <summary>s - 32 of a group.</summary>
    internal static int GroupScale(BlockIQ4_XS* block, int group)
    {
        int low = (block->GroupScalesLow[group / 2] >> (4 * (group % 2))) & 15;
        int high = (block->GroupScalesHigh >> (2 * group)) & 3;
        return (low | (high << 4)) - 32;
    }
}
