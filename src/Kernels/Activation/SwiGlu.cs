namespace ChainOfSpot.Kernels;

/// <summary>
/// y = gate / (1 + e^-gate) * up, element by element (Shazeer, arXiv 2002.05202).
/// <para>Shapes: joined gate|up [rows, 2 * columns], y [rows, columns], fp32, rows may lie apart; y may be the gate half.</para>
/// <para>Moves 12 bytes an output. A gate of -infinity has no finite output; NaN gives NaN.</para>
/// </summary>
public static unsafe partial class SwiGlu
{
    /// <summary>The definition, in double precision, rounded once.</summary>
    /// <param name="gateUp">[rows, 2 * columns].</param>
    /// <param name="gateUpStride">Floats from a joined row to the next.</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="columns">Columns of y.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Define(float* gateUp, nint gateUpStride, float* y, nint yStride, int columns, int firstRow, int rows)
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            float* gate = gateUp + (row * gateUpStride);
            for (int c = 0; c < columns; c++)
                y[(row * yStride) + c] = (float)(gate[c] / (1 + Math.Exp(-gate[c])) * gate[columns + c]);
        }
    }
}
