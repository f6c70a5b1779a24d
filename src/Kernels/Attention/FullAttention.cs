namespace ChainOfSpot.Kernels;

/// <summary>
/// Attention of an image tower, without a mask: out[r, h] = sum over j of softmax(q[r, h]·k[j, h] / sqrt(headDim))[j] v[j, h],
/// for all rows j of the same image.
/// <para>Shapes: q|k|v joined [images * n, 3 * heads * headDim], out [images * n, heads * headDim], fp32, rows may lie
/// apart.</para>
/// <para>Moves 16 * images * n * heads * headDim bytes and does 4 * images * n² * heads * headDim operations. A NaN in an
/// image reaches that image's rows only.</para>
/// </summary>
public static unsafe partial class FullAttention
{
    /// <summary>The definition of one row and head, in double precision, rounded once.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="row">The row, counted over all images.</param>
    /// <param name="head">The head.</param>
    /// <param name="output">[headDim].</param>
    public static void Define(in FullAttentionArguments arguments, int row, int head, Span<float> output)
    {
        int headDim = arguments.HeadDim;
        int rows = arguments.ImageRows;
        int firstRow = row / rows * rows;
        float* q = arguments.Part(0, row, head);
        var scores = new double[rows];
        for (int j = 0; j < rows; j++)
        {
            float* k = arguments.Part(1, firstRow + j, head);
            for (int d = 0; d < headDim; d++)
                scores[j] += (double)q[d] * k[d];
            scores[j] /= Math.Sqrt(headDim);
        }

        double maximum = scores.Max();
        double normalizer = scores.Sum(s => Math.Exp(s - maximum));
        for (int d = 0; d < headDim; d++)
        {
            double sum = 0;
            for (int j = 0; j < rows; j++)
                sum += Math.Exp(scores[j] - maximum) * arguments.Part(2, firstRow + j, head)[d];
            output[d] = (float)(sum / normalizer);
        }
    }
}
