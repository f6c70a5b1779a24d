namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// One row of floats to the blocks that stand for it, the reverse of <see cref="Dequantize"/>. Reads 4 bytes a weight and writes
/// <see cref="ElementTypes.RowBytes"/>. The formats whose levels follow from the extremes of a block (Q4_0 Q4_1 Q5_0 Q5_1 Q8_0)
/// give the bytes of ggml's reference; the K-quants are searched for the smallest squared error.
/// </summary>
public static unsafe class Quantize
{
    /// <summary>Writes the blocks of <paramref name="columns"/> weights.</summary>
    /// <param name="type">How the row is to be stored: a float type or a block format except the IQ4 ones.</param>
    /// <param name="weights">The weights; finite where the type is a block format.</param>
    /// <param name="columns">Their count, a multiple of <see cref="ElementTypes.BlockElements"/>.</param>
    /// <param name="destination">The first byte of the row; any alignment; may not overlap the weights.</param>
    /// <exception cref="ArgumentException">The row does not end at the end of a block, or the type cannot be written.</exception>
    public static void Row(ElementType type, float* weights, int columns, byte* destination)
    {
        long bytes = type.RowBytes(columns);
        switch (type)
        {
            case ElementType.F32:
                Buffer.MemoryCopy(weights, destination, bytes, bytes);
                break;
            case ElementType.F16:
                for (int i = 0; i < columns; i++)
                    ((Half*)destination)[i] = (Half)weights[i];
                break;
            case ElementType.BF16:
                for (int i = 0; i < columns; i++)
                    ((ushort*)destination)[i] = BFloat16.Round(weights[i]);
                break;
            case ElementType.Q4_0:
                Blocks<BlockQ4_0>(weights, columns, destination);
                break;
            case ElementType.Q4_1:
                Blocks<BlockQ4_1>(weights, columns, destination);
                break;
            case ElementType.Q5_0:
                Blocks<BlockQ5_0>(weights, columns, destination);
                break;
            case ElementType.Q5_1:
                Blocks<BlockQ5_1>(weights, columns, destination);
                break;
            case ElementType.Q8_0:
                Blocks<BlockQ8_0>(weights, columns, destination);
                break;
            case ElementType.Q2_K:
                Blocks<BlockQ2_K>(weights, columns, destination);
                break;
            case ElementType.Q3_K:
                Blocks<BlockQ3_K>(weights, columns, destination);
                break;
            case ElementType.Q4_K:
                Blocks<BlockQ4_K>(weights, columns, destination);
                break;
            case ElementType.Q5_K:
                Blocks<BlockQ5_K>(weights, columns, destination);
                break;
            case ElementType.Q6_K:
                Blocks<BlockQ6_K>(weights, columns, destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Weights cannot be quantised to this type.");
        }
    }

    private static void Blocks<TBlock>(float* weights, int columns, byte* destination)
        where TBlock : unmanaged, IQuantizableBlock<TBlock>
    {
        var block = (TBlock*)destination;
        for (int column = 0; column < columns; column += TBlock.WeightCount)
            TBlock.Quantize(weights + column, block++);
    }
}
