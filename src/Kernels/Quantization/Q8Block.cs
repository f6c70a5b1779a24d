using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// 32 weights in 34 bytes: w[i] = q[i] d, q in -128…127. Bytes 0-1: d (binary16). Bytes 2-33: q[i], signed.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public unsafe struct BlockQ8_0 : IQuantizableBlock<BlockQ8_0>
{
    /// <summary>The scale d.</summary>
    public Half Scale;

    /// <summary>q, one a byte.</summary>
    public fixed sbyte Quants[32];

    /// <inheritdoc/>
    public static int WeightCount => 32;

    /// <inheritdoc/>
    public static int GroupSize => WeightCount;

    /// <inheritdoc/>
    public static bool HasMinima => false;

    /// <inheritdoc/>
    public static void Unpack(BlockQ8_0* block, sbyte* quants, float* scales, float* minima)
    {
        Vector256.Load(block->Quants).Store(quants);
        *scales = (float)block->Scale;
    }

    /// <inheritdoc/>
    public static void Dequantize(BlockQ8_0* block, float* weights)
    {
        float scale = (float)block->Scale;
        for (int i = 0; i < WeightCount; i++)
            weights[i] = block->Quants[i] * scale;
    }

    /// <summary>d = max |w| / 127, q = w / d rounded, halves away from zero.</summary>
    public static void Quantize(float* weights, BlockQ8_0* block)
    {
        float scale = MathF.Abs(RoundToNearest.LargestMagnitude(weights, WeightCount)) / 127;
        float inverse = RoundToNearest.Inverse(scale);
        block->Scale = (Half)scale;
        for (int i = 0; i < WeightCount; i++)
            block->Quants[i] = (sbyte)MathF.Round(weights[i] * inverse, MidpointRounding.AwayFromZero);
    }
}
