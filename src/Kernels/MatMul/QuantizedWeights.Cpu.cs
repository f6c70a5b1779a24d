using System.Runtime.Intrinsics;
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
        int width = TLanes.Width;
        int chunkLength = ChunkLength(arguments.K);
        float* weights = stackalloc float[Streams * DequantizedFloats];
        float* lanes = stackalloc float[Streams * LongestLanes];
        StoredChunk* chunks = stackalloc StoredChunk[Streams];
        for (int first = 0; first < rows; first += Streams)
        {
            int present = Math.Min(Streams, rows - first);
            for (int chunk = 0; chunk < ChunkCount(arguments.K); chunk++)
            {
                int start = chunk * chunkLength;
                int length = Math.Min(chunkLength, arguments.K - start);
                for (int i = 0; i < Streams; i++)
                {
                    // Rows past the last repeat it: their sums are computed and dropped.
                    chunks[i] = i >= present
                        ? chunks[present - 1]
                        : new StoredChunk(
                            arguments.A + start,
                            (byte*)DequantizeChunk<TVector, TLanes>(segment, row + first + i, arguments.K, start, length, weights + (i * DequantizedFloats)),
                            length, chunk, first + i);
                }
                Stream<TVector, TLanes, F32Element>(chunks, chunks, 0, length / width, lanes);
                Vector128<float> sums = TLanes.SumFour(
                    TLanes.Load(lanes), TLanes.Load(lanes + width), TLanes.Load(lanes + (2 * width)), TLanes.Load(lanes + (3 * width)));
                for (int i = 0; i < present; i++)
                {
                    float* output = outputs + first + i;
                    *output = chunk == 0 ? sums[i] : *output + sums[i];
                }
            }
        }
    }
}
