using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>What the block formats of a GPU have in common.</summary>
internal static class GpuCodes
{
    /// <summary>The number, without a conversion, which is slow: put into the lowest bits of 2^23's mantissa.</summary>
    public static float Number(uint code) => Interop.IntAsFloat(0x4B000000 | code) - 8388608;

    /// <summary>The level of <see cref="IQ4Levels"/>.</summary>
    public static float IQ4Level(uint code)
    {
        // Four levels a word, the first in the lowest byte: -127 -104 -83 -65, -49 -35 -22 -10, 1 13 25 38, 53 69 89 113.
        uint low = code < 4 ? 0xBFAD9881 : 0xF6EADDCF;
        uint high = code < 12 ? 0x26190D01u : 0x71594535u;
        uint levels = code < 8 ? low : high;
        return (sbyte)(levels >> (int)(code % 4 * 8));
    }

    /// <summary>Half <paramref name="index"/> of a header.</summary>
    public static float Half(ArrayView<byte> header, int index) => GpuF16.Widen(header.Cast<ushort>()[index]);

    /// <summary>The nibble of weight 0…31 where byte j holds those of weights j and j + 16.</summary>
    public static uint Code4(ArrayView<byte> block, int start, int index) => ((uint)block[start + (index % 16)] >> (index / 16 * 4)) & 15;

    /// <summary>The nibble of weight 0…255 where byte l of 32 holds those of weight l of two groups of 32.</summary>
    public static uint Nibble(ArrayView<byte> block, int start, int index) =>
        ((uint)block[start + (index / 64 * 32) + (index % 32)] >> (index / 32 % 2 * 4)) & 15;

    /// <summary>Bit <paramref name="index"/> of the bytes from <paramref name="start"/> on.</summary>
    public static uint Bit(ArrayView<byte> block, int start, int index) => ((uint)block[start + (index / 8)] >> (index % 8)) & 1;

    /// <summary>As <see cref="Quantization.TwoBits"/>.</summary>
    public static uint TwoBits(ArrayView<byte> block, int start, int index) =>
        ((uint)block[start + (index / 128 * 32) + (index % 32)] >> (index / 32 % 4 * 2)) & 3;

    /// <summary>Scale and offset of a group whose header is d, m and <see cref="SixBitScales"/>.</summary>
    public static void SixBitScale(ArrayView<byte> header, int group, out float scale, out float offset)
    {
        int low = header[4 + (group % 4)];
        int middle = header[8 + (group % 4)];
        int high = header[12 + (group % 4)];
        int s = group < 4 ? low & 63 : (high & 15) | (low >> 6 << 4);
        int t = group < 4 ? middle & 63 : (high >> 4) | (middle >> 6 << 4);
        scale = Half(header, 0) * s;
        offset = -(Half(header, 1) * t);
    }
}
