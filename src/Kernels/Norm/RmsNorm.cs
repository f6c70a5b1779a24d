namespace ChainOfSpot.Kernels;

/// <summary>
/// y = x / sqrt(mean(x²) + epsilon) * w over each row (Zhang and Sennrich, arXiv 1910.07467).
/// <para>Shapes: x and y [rows, columns] fp32, rows may lie apart, y may be x; w [columns].</para>
/// <para>Moves 8 bytes an element. A NaN or infinity in a row makes that row NaN, except that finite
/// elements beside an infinity become 0.</para>
/// </summary>
public static unsafe partial class RmsNorm
{
    /// <summary>The definition, in double precision, rounded once.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="xStride">Floats from a row of x to the next.</param>
    /// <param name="weight">[columns].</param>
    /// <param name="epsilon">Keeps the root away from 0.</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Define(
        float* x, nint xStride, float* weight, float epsilon, float* y, nint yStride, int columns, int firstRow, int rows)
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            float* source = x + (row * xStride);
            float* destination = y + (row * yStride);
            double squares = 0;
            for (int c = 0; c < columns; c++)
                squares += (double)source[c] * source[c];
            double scale = 1 / Math.Sqrt((squares / columns) + epsilon);
            for (int c = 0; c < columns; c++)
                destination[c] = (float)(source[c] * scale * weight[c]);
        }
    }
}
