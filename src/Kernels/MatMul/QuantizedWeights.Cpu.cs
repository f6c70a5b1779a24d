using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <content>
/// Block-quantised weights: a chunk of a row is dequantised into the L1 cache and multiplied there as fp32 weights are, in the
/// same order. So the bits are those of a product with weights that were dequantised before.
/// </content>
public static unsafe partial class MatMul
{
    /// <summary>A chunk with the rest of the blocks that it begins and ends in.</summary>
    private const int DequantizedFloats = LongestChunk + (2 * ElementTypes.LongestBlock);

    /// <summary>Dequantises the blocks that hold weights [start, start + length) of a row, and returns where these are.</summary>
    private static float* DequantizeChunk<TVector, TLanes>(in WeightSegment segment, int row, int k, int start, int length, float* weights)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int blockLength = segment.Type.BlockElements();
        int firstBlock = start / blockLength;
        int blocks = ((start + length + blockLength - 1) / blockLength) - firstBlock;
        byte* source = (byte*)segment.Data
            + (segment.StoredRow(row) * segment.Type.RowBytes(k)) + ((nint)firstBlock * segment.Type.BlockBytes());
        Dequantize.Cpu<TVector, TLanes>(segment.Type, source, blocks * blockLength, weights);
        return weights + (start - (firstBlock * blockLength));
    }

    /// <summary>The form for M = 1. Rows of blocks are whole vectors of any width, so no chunk has a rest.</summary>
    private static void DequantizedVector<TVector, TLanes>(
        in MatMulArguments arguments, in WeightSegment segment, int row, int rows, float* outputs)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int chunkLength = ChunkLength(arguments.K);
        float* weights = stackalloc float[Bands * DequantizedFloats];
        float* lanes = stackalloc float[Bands * LongestLanes];
        float* sums = stackalloc float[Bands];
        for (int first = 0; first < rows; first += Bands)
        {
            int present = Math.Min(Bands, rows - first);
            for (int start = 0; start < arguments.K; start += chunkLength)
            {
                int length = Math.Min(chunkLength, arguments.K - start);
                float* chunk = weights;
                // Rows past the last are of what lay there before: their sums are computed and dropped.
                for (int i = 0; i < present; i++)
                    chunk = DequantizeChunk<TVector, TLanes>(segment, row + first + i, arguments.K, start, length, weights + (i * DequantizedFloats));
                MultiplyBands<TVector, TLanes, F32Element>(
                    arguments.A + start, length, (byte*)(chunk - ((present - 1) * DequantizedFloats)), DequantizedFloats * sizeof(float), lanes, float16Rows: 0, sums);
                for (int i = 0; i < present; i++)
                    outputs[first + i] = start == 0 ? sums[i] : outputs[first + i] + sums[i];
            }
        }
    }
}
