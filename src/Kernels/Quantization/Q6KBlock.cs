using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 16 groups of 16, in 210 bytes: w[16 g + i] = d s[g] (q - 32), s in -128…127, q in 0…63. Of each 128 weights, weight
/// 64 h + r (r in 0…63) has the lower four bits of its q in byte r of 64 (low nibble for h = 0, high for 1), and weight 32 k + l
/// has the upper two in bits 2k and 2k + 1 of byte l of 32. Bytes 0-127: the lower bits, 128-191: the upper ones, 192-207: s,
/// 208-209: d (binary16).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ6_K : IQuantizedBlock<BlockQ6_K>
{
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
}
