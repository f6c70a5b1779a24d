namespace ChainOfSpot.Kernels;

/// <summary>
/// Pad to a square, crop, pad to a square again, resize, normalise: one operation, exact in integers. With F the frame of a
/// <see cref="ResampleGeometry"/> (the background colour in margin and pad, black outside the padded square, else the
/// picture), u and v the taps of a <see cref="BicubicWindow"/>:
/// <code>
/// h[v][x][c] = clip8((sum_u F[v][u][c] * k[x][u] + 2^21) >> 22)      horizontal pass, 8 bits between the passes
/// o[y][x][c] = clip8((sum_v h[v][x][c] * k[y][v] + 2^21) >> 22)      vertical pass
/// n[c][y][x] = (o[y][x][c] / 255 - mean[c]) / std[c]
/// </code>
/// The result is Pillow's <c>resize(BICUBIC)</c> bit for bit. Where a dimension does not change its weights are 1 at the
/// pixel and 0 beside it, so the pass that Pillow skips there is the identity. Picture and output are interleaved 8-bit RGB
/// without row gaps; n is [3, height, width]. Bytes moved: the read rows of the picture once, their rows in the workspace
/// written once and read about 4 times (from cache), output and n written once.
/// </summary>
public static unsafe partial class CropResize
{
    /// <summary>The background colour: 255 times the mean of CLIP's training pictures, rounded down.</summary>
    public static ReadOnlySpan<byte> Background => [122, 116, 104];

    private const int Half = 1 << (BicubicWindow.FractionBits - 1);

    /// <summary>The definition: writes o. Slow, and it allocates; the measure of every other form.</summary>
    /// <param name="geometry">What is read and written.</param>
    /// <param name="picture">[picture height][picture width][3].</param>
    /// <param name="rgb">[output height][output width][3].</param>
    public static void Scalar(in ResampleGeometry geometry, byte* picture, byte* rgb)
    {
        ResampleAxis columns = geometry.Horizontal;
        ResampleAxis rows = geometry.Vertical;
        int rowBytes = columns.Output * 3;
        byte[] between = new byte[(long)rows.Frame * rowBytes];
        for (int x = 0; x < columns.Output; x++)
        {
            var window = new BicubicWindow(columns, x);
            int[] weights = [.. Enumerable.Range(window.First, window.End - window.First).Select(window.Weight)];
            for (int v = 0; v < rows.Frame; v++)
            {
                for (int c = 0; c < 3; c++)
                {
                    int sum = Half;
                    for (int u = window.First; u < window.End; u++)
                        sum += Frame(columns, rows, picture, u, v, c) * weights[u - window.First];
                    between[((long)v * rowBytes) + x * 3 + c] = Clip8(sum);
                }
            }
        }
        for (int y = 0; y < rows.Output; y++)
        {
            var window = new BicubicWindow(rows, y);
            int[] weights = [.. Enumerable.Range(window.First, window.End - window.First).Select(window.Weight)];
            for (int i = 0; i < rowBytes; i++)
            {
                int sum = Half;
                for (int v = window.First; v < window.End; v++)
                    sum += between[((long)v * rowBytes) + i] * weights[v - window.First];
                rgb[((long)y * rowBytes) + i] = Clip8(sum);
            }
        }
    }

    /// <summary>
    /// The 256 values of n for each channel, as Hugging Face's image processors round them: the product with 1/255 in double
    /// precision, the rest in single precision.
    /// </summary>
    /// <param name="mean">[3].</param>
    /// <param name="std">[3].</param>
    /// <param name="levels">[3][256], written.</param>
    public static void NormalizedLevels(ReadOnlySpan<float> mean, ReadOnlySpan<float> std, Span<float> levels)
    {
        for (int c = 0; c < 3; c++)
        {
            for (int level = 0; level < 256; level++)
                levels[c * 256 + level] = ((float)(level * (1.0 / 255)) - mean[c]) / std[c];
        }
    }

    private static int Frame(in ResampleAxis columns, in ResampleAxis rows, byte* picture, int u, int v, int c)
    {
        if (u < columns.CropStart || u >= columns.CropEnd || v < rows.CropStart || v >= rows.CropEnd)
            return Background[c];
        if (u < columns.SquareStart || u >= columns.SquareEnd || v < rows.SquareStart || v >= rows.SquareEnd)
            return 0;
        int x = u - columns.PictureStart;
        int y = v - rows.PictureStart;
        if (x < 0 || x >= columns.Picture || y < 0 || y >= rows.Picture)
            return Background[c];
        return picture[((((long)y * columns.Picture) + x) * 3) + c];
    }

    private static byte Clip8(int sum) => (byte)Math.Clamp(sum >> BicubicWindow.FractionBits, 0, 255);
}
