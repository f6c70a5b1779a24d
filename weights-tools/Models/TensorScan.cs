using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>What a tensor's numbers are like.</summary>
/// <param name="LargestMagnitude">Largest |w| of the finite ones.</param>
/// <param name="NotFinite">How many are infinite or no number.</param>
internal readonly record struct TensorFacts(float LargestMagnitude, long NotFinite);

/// <summary>How far two tensors are apart, over the rows that both have.</summary>
/// <param name="MaxAbs">Largest |a - b|; infinite where one of them is not finite and the other is something else.</param>
/// <param name="Rms">√ mean (a - b)².</param>
/// <param name="ReferenceRms">√ mean a².</param>
/// <param name="Rows">The rows that were compared.</param>
internal readonly record struct TensorDifference(double MaxAbs, double Rms, double ReferenceRms, long Rows);

/// <summary>Reads whole tensors, on all cores.</summary>
internal static unsafe class TensorScan
{
    // A multiple of every block.
    private const int ChunkElements = 1 << 16;

    /// <summary>Whether the elements are weights and not integers, such as ids of positions.</summary>
    public static bool IsWeights(StoredTensor tensor) => tensor.Type is not (ElementType.I32 or ElementType.I64 or ElementType.U8);

    /// <summary>Looks at every weight.</summary>
    public static TensorFacts Facts(StoredTensor tensor, CancellationToken cancellation)
    {
        long chunks = (tensor.ElementCount + ChunkElements - 1) / ChunkElements;
        float largest = 0;
        long notFinite = 0;
        var gate = new Lock();
        var options = new ParallelOptions { CancellationToken = cancellation };
        Parallel.For(0L, chunks, options, () => new float[ChunkElements], (chunk, _, weights) =>
        {
            int count = (int)Math.Min(ChunkElements, tensor.ElementCount - (chunk * ChunkElements));
            fixed (float* destination = weights)
                Dequantize.Row(tensor.Type, (byte*)tensor.Data + tensor.Type.RowBytes(chunk * ChunkElements), count, destination);
            (float chunkLargest, long chunkNotFinite) = (0, 0);
            foreach (float weight in weights.AsSpan(0, count))
            {
                float magnitude = MathF.Abs(weight);
                if (!float.IsFinite(weight))
                    chunkNotFinite++;
                else if (magnitude > chunkLargest)
                    chunkLargest = magnitude;
            }
            lock (gate)
            {
                largest = Math.Max(largest, chunkLargest);
                notFinite += chunkNotFinite;
            }
            return weights;
        }, _ => { });
        GC.KeepAlive(tensor);
        return new TensorFacts(largest, notFinite);
    }

    /// <summary>Compares two tensors of one name; they differ at most in their rows, by padding of the vocabulary.</summary>
    public static TensorDifference Difference(SourceTensor reference, SourceTensor other, CancellationToken cancellation)
    {
        int columns = reference.Tensor.Columns;
        long rows = Math.Min(reference.Tensor.Rows, other.Tensor.Rows);
        // One sum a row, so that the result does not depend on the order in which threads finish.
        var squares = new double[rows];
        var referenceSquares = new double[rows];
        var largest = new double[rows];
        var options = new ParallelOptions { CancellationToken = cancellation };
        Parallel.For(0L, rows, options, () => (new float[columns], new float[columns]), (row, _, buffers) =>
        {
            (float[] a, float[] b) = buffers;
            fixed (float* destination = a)
                reference.ReadRow(row, destination);
            fixed (float* destination = b)
                other.ReadRow(row, destination);
            for (int i = 0; i < columns; i++)
            {
                if (a[i].Equals(b[i]))
                {
                    referenceSquares[row] += (double)a[i] * a[i];
                    continue;
                }
                double difference = Math.Abs((double)a[i] - b[i]);
                if (!double.IsFinite(difference))
                    difference = double.PositiveInfinity;
                largest[row] = Math.Max(largest[row], difference);
                squares[row] += difference * difference;
                referenceSquares[row] += (double)a[i] * a[i];
            }
            return buffers;
        }, _ => { });
        GC.KeepAlive((reference, other));
        double count = (double)rows * columns;
        return new TensorDifference(largest.Max(), Math.Sqrt(squares.Sum() / count), Math.Sqrt(referenceSquares.Sum() / count), rows);
    }
}
