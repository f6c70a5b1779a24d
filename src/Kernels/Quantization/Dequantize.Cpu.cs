using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels.Quantization;

/// <content>The SIMD form: a block's quants as bytes, then vectors of them times their group's scale.</content>
public static unsafe partial class Dequantize
{
    private const int MostGroups = 16;

    /// <summary>Writes <paramref name="columns"/> floats, with the bits of <see cref="Row"/>.</summary>
    /// <param name="type">How the row is stored.</param>
    /// <param name="source">The first byte of the row; any alignment.</param>
    /// <param name="columns">Weights in the row, a multiple of <see cref="ElementTypes.BlockElements"/>.</param>
    /// <param name="weights">Where the floats go; may not overlap the row.</param>
    public static void Cpu<TVector, TLanes>(ElementType type, byte* source, int columns, float* weights)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        switch (type)
        {
            case ElementType.Q4_0:
                Blocks<TVector, TLanes, BlockQ4_0>(source, columns, weights);
                break;
            case ElementType.Q4_1:
                Blocks<TVector, TLanes, BlockQ4_1>(source, columns, weights);
                break;
            case ElementType.Q5_0:
                Blocks<TVector, TLanes, BlockQ5_0>(source, columns, weights);
                break;
            case ElementType.Q5_1:
                Blocks<TVector, TLanes, BlockQ5_1>(source, columns, weights);
                break;
            case ElementType.Q8_0:
                Blocks<TVector, TLanes, BlockQ8_0>(source, columns, weights);
                break;
            case ElementType.Q2_K:
                Blocks<TVector, TLanes, BlockQ2_K>(source, columns, weights);
                break;
            case ElementType.Q3_K:
                Blocks<TVector, TLanes, BlockQ3_K>(source, columns, weights);
                break;
            case ElementType.Q4_K:
                Blocks<TVector, TLanes, BlockQ4_K>(source, columns, weights);
                break;
            case ElementType.Q5_K:
                Blocks<TVector, TLanes, BlockQ5_K>(source, columns, weights);
                break;
            case ElementType.Q6_K:
                Blocks<TVector, TLanes, BlockQ6_K>(source, columns, weights);
                break;
            case ElementType.IQ4_NL:
                Blocks<TVector, TLanes, BlockIQ4_NL>(source, columns, weights);
                break;
            case ElementType.IQ4_XS:
                Blocks<TVector, TLanes, BlockIQ4_XS>(source, columns, weights);
                break;
            default:
                Row(type, source, columns, weights);
                break;
        }
    }

    [SkipLocalsInit]
    private static void Blocks<TVector, TLanes, TBlock>(byte* source, int columns, float* weights)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TBlock : unmanaged, IQuantizedBlock<TBlock>
    {
        sbyte* quants = stackalloc sbyte[ElementTypes.LongestBlock];
        float* scales = stackalloc float[MostGroups];
        float* minima = stackalloc float[MostGroups];
        var block = (TBlock*)source;
        for (int column = 0; column < columns; column += TBlock.WeightCount)
        {
            TBlock.Unpack(block++, quants, scales, minima);
            for (int group = 0; group < TBlock.WeightCount / TBlock.GroupSize; group++)
            {
                TVector scale = TLanes.Broadcast(scales[group]);
                TVector minimum = TBlock.HasMinima ? TLanes.Broadcast(minima[group]) : TLanes.Zero;
                int end = (group + 1) * TBlock.GroupSize;
                for (int i = group * TBlock.GroupSize; i < end; i += TLanes.Width)
                {
                    TVector weight = TLanes.Multiply(TLanes.LoadInt8(quants + i), scale);
                    TLanes.Store(TBlock.HasMinima ? TLanes.Add(weight, minimum) : weight, weights + column + i);
                }
            }
        }
    }
}
