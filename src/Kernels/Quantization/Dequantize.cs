namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// One row of stored weights to floats: out[i] = w[i], by the formula of the row's block format. Reads
/// <see cref="ElementTypes.RowBytes"/> bytes and writes 4 a weight. No multiply and add is fused, so that the bits are those of
/// ggml's reference on every CPU.
/// </summary>
public static unsafe partial class Dequantize
{
    /// <summary>Writes <paramref name="columns"/> floats.</summary>
    /// <param name="type">How the row is stored.</param>
    /// <param name="source">The first byte of the row; any alignment.</param>
    /// <param name="columns">Weights in the row, a multiple of <see cref="ElementTypes.BlockElements"/>.</param>
    /// <param name="weights">Where the floats go; may not overlap the row.</param>
    /// <exception cref="ArgumentException">The row does not end at the end of a block, or its elements are no weights.</exception>
    public static void Row(ElementType type, byte* source, int columns, float* weights)
    {
        long bytes = type.RowBytes(columns);
        switch (type)
        {
            case ElementType.F32:
                Buffer.MemoryCopy(source, weights, bytes, bytes);
                break;
            case ElementType.F16:
                for (int i = 0; i < columns; i++)
                    weights[i] = (float)((Half*)source)[i];
                break;
            case ElementType.BF16:
                for (int i = 0; i < columns; i++)
                    weights[i] = BFloat16.Widen(((ushort*)source)[i]);
                break;
            case ElementType.Q4_0:
                Blocks<BlockQ4_0>(source, columns, weights);
                break;
            case ElementType.Q4_1:
                Blocks<BlockQ4_1>(source, columns, weights);
                break;
            case ElementType.Q5_0:
                Blocks<BlockQ5_0>(source, columns, weights);
                break;
            case ElementType.Q5_1:
                Blocks<BlockQ5_1>(source, columns, weights);
                break;
            case ElementType.Q8_0:
                Blocks<BlockQ8_0>(source, columns, weights);
                break;
            case ElementType.Q2_K:
                Blocks<BlockQ2_K>(source, columns, weights);
                break;
            case ElementType.Q3_K:
                Blocks<BlockQ3_K>(source, columns, weights);
                break;
            case ElementType.Q4_K:
                Blocks<BlockQ4_K>(source, columns, weights);
                break;
            case ElementType.Q5_K:
                Blocks<BlockQ5_K>(source, columns, weights);
                break;
            case ElementType.Q6_K:
                Blocks<BlockQ6_K>(source, columns, weights);
                break;
            case ElementType.IQ4_NL:
                Blocks<BlockIQ4_NL>(source, columns, weights);
                break;
            case ElementType.IQ4_XS:
                Blocks<BlockIQ4_XS>(source, columns, weights);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "These elements are integers, not weights.");
        }
    }

    private static void Blocks<TBlock>(byte* source, int columns, float* weights)
        where TBlock : unmanaged, IQuantizedBlock<TBlock>
    {
        var block = (TBlock*)source;
        for (int column = 0; column < columns; column += TBlock.WeightCount)
            TBlock.Dequantize(block++, weights + column);
    }
}
