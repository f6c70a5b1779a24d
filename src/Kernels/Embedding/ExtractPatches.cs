namespace ChainOfSpot.Kernels;

/// <summary>
/// Cuts a picture into square patches, one a row, in the order of a convolution's weights, so that the patch convolution is a
/// matrix product: y[py * (S/p) + px, (c * p + dy) * p + dx] = pixels[c, py * p + dy, px * p + dx].
/// <para>Shapes: pixels [3, S, S], y [(S/p)², 3 * p * p], fp32; pixels beyond the last whole patch are not read.</para>
/// <para>Moves 8 bytes an element. A plain copy: its CPU form has no vectors of its own.</para>
/// </summary>
public static unsafe partial class ExtractPatches
{
    private const int Channels = 3;

    /// <summary>Patches of a picture.</summary>
    public static int Rows(int side, int patch) => side / patch * (side / patch);

    /// <summary>Columns of a patch row.</summary>
    public static int Columns(int patch) => Channels * patch * patch;

    /// <summary>The definition of one element.</summary>
    /// <param name="pixels">[3, side, side].</param>
    /// <param name="side">S, the side of the picture.</param>
    /// <param name="patch">p, the side of a patch.</param>
    /// <param name="row">The patch.</param>
    /// <param name="column">The column of its row.</param>
    public static float Define(float* pixels, int side, int patch, int row, int column)
    {
        (int py, int px) = Math.DivRem(row, side / patch);
        (int line, int dx) = Math.DivRem(column, patch);
        (int c, int dy) = Math.DivRem(line, patch);
        return pixels[(((long)c * side) + (py * patch) + dy) * side + (px * patch) + dx];
    }

    /// <summary>Cuts a range of patches.</summary>
    /// <param name="pixels">[3, side, side].</param>
    /// <param name="side">S, the side of the picture.</param>
    /// <param name="patch">p, the side of a patch.</param>
    /// <param name="y">[patches, 3 * p * p].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="firstRow">The first patch.</param>
    /// <param name="rows">The number of patches.</param>
    public static void Cpu(float* pixels, int side, int patch, float* y, nint yStride, int firstRow, int rows)
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            (int py, int px) = Math.DivRem(row, side / patch);
            float* destination = y + (row * yStride);
            for (int c = 0; c < Channels; c++)
            {
                float* source = pixels + ((((long)c * side) + (py * patch)) * side) + (px * patch);
                for (int dy = 0; dy < patch; dy++)
                {
                    new ReadOnlySpan<float>(source, patch).CopyTo(new Span<float>(destination, patch));
                    source += side;
                    destination += patch;
                }
            }
        }
    }
}
