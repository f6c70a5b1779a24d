namespace ChainOfSpot.Kernels;

/// <summary>A rectangle of whole pixels; right and bottom are the first column and row outside.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Right">Column after the last.</param>
/// <param name="Bottom">Row after the last.</param>
public readonly record struct PixelBox(int Left, int Top, int Right, int Bottom)
{
    /// <summary>Columns; negative when inverted.</summary>
    public int Width => Right - Left;

    /// <summary>Rows; negative when inverted.</summary>
    public int Height => Bottom - Top;
}
