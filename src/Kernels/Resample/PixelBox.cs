namespace ChainOfSpot.Kernels;

/// <summary>A rectangle of whole pixels. <paramref name="Right"/> and <paramref name="Bottom"/> are the first pixels outside;
/// a box may reach beyond its picture, where the crop is black.</summary>
/// <param name="Left">The first column.</param>
/// <param name="Top">The first row.</param>
/// <param name="Right">The column behind the last.</param>
/// <param name="Bottom">The row behind the last.</param>
public readonly record struct PixelBox(int Left, int Top, int Right, int Bottom)
{
    /// <summary>Columns; not positive where the box is empty or inverted.</summary>
    public int Width => Right - Left;

    /// <summary>Rows; not positive where the box is empty or inverted.</summary>
    public int Height => Bottom - Top;

    /// <summary>The part that lies in a picture; of no size, at its edge, where the box lies outside.</summary>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Rows of the picture.</param>
    public PixelBox ClampTo(int width, int height) => new(
        Math.Clamp(Left, 0, width), Math.Clamp(Top, 0, height), Math.Clamp(Right, 0, width), Math.Clamp(Bottom, 0, height));

    /// <summary>The same box seen from an origin that lies further left and up.</summary>
    /// <param name="x">Columns added.</param>
    /// <param name="y">Rows added.</param>
    /// <exception cref="OverflowException">A number leaves the range of 32 bits.</exception>
    public PixelBox Offset(int x, int y) => checked(new PixelBox(Left + x, Top + y, Right + x, Bottom + y));
}
