using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 256 weights, 16 groups of 16, in 110 bytes: w[16 g + i] = d (s[g] - 32) (q - 4), s in 0…63, q in 0…7. Bytes 0-31: bit k of byte
/// l is bit 2 of the q of weight 32 k + l. Bytes 32-95: the lower two bits of q as in <see cref="BlockQ2_K"/>. Bytes 96-103: byte
/// g is the lower four bits of s[g] (low nibble) and s[g + 8] (high one). Bytes 104-107: bits 2k and 2k + 1 of byte g are bits 4
/// and 5 of s[4 k + g]. Bytes 108-109: d (binary16).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ3_K : IQuantizedBlock<BlockQ3_K>
{
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
    public static void Dequantize(BlockQ3_K* block, float* weights)
    {
        for (int group = 0; group < 16; group++)
        {
            int low = (block->GroupScalesLow[group % 8] >> (group / 8 * 4)) & 15;
            int high = (block->GroupScalesHigh[group % 4] >> (group / 4 * 2)) & 3;
            float scale = (float)block->Scale * ((low | (high << 4)) - 32);
            for (int i = 16 * group; i < 16 * group + 16; i++)
            {
                int quant = TwoBits.Read(block->QuantsLow, i) | (((block->QuantsHigh[i % 32] >> (i / 32)) & 1) << 2);
                weights[i] = scale * (quant - 4);
            }
        }
    }
}
