namespace ChainOfSpot.Kernels;

/// <summary>
/// y = (x - mean) / sqrt(variance + epsilon) * w + b over each row, the variance being the mean of (x - mean)² in a second
/// pass (Ba, Kiros and Hinton, arXiv 1607.06450).
/// <para>Shapes: x and y [rows, columns] fp32, rows may lie apart, y may be x; w and b [columns].</para>
/// <para>Moves 8 bytes an element. A NaN or infinity in a row makes the whole row NaN.</para>
/// </summary>
public static unsafe partial class LayerNorm
{
    /// <summary>The definition, in double precision, rounded once.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="xStride">Floats from a row of x to the next.</param>
    /// <param name="weight">[columns].</param>
    /// <param name="bias">[columns].</param>
    /// <param name="epsilon">Keeps the root away from 0.</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Define(
        float* x, nint xStride, float* weight, float* bias, float epsilon, float* y, nint yStride, int columns, int firstRow, int rows)
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            float* source = x + (row * xStride);
            float* destination = y + (row * yStride);
            double mean = 0;
            for (int c = 0; c < columns; c++)
                mean += source[c];
            mean /= columns;
            double variance = 0;
            for (int c = 0; c < columns; c++)
                variance += (source[c] - mean) * (source[c] - mean);
            double scale = 1 / Math.Sqrt((variance / columns) + epsilon);
            for (int c = 0; c < columns; c++)
                destination[c] = (float)(((source[c] - mean) * scale * weight[c]) + bias[c]);
        }
    }
}
