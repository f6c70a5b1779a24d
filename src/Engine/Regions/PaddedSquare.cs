using ChainOfSpot.Kernels;

namespace ChainOfSpot.Regions;

/// <summary>
/// The square that a picture is padded to before the model sees it (the official <c>expand2square</c>): as large as the longer
/// side, the picture in the middle of the shorter one, half a pixel to the left or up where it does not divide evenly.
/// </summary>
public readonly record struct PaddedSquare
{
    /// <summary>The longest side of a picture: that of a crop.</summary>
    public const int MaxSide = ResampleGeometry.MaxSide;

    /// <summary>The square of a picture.</summary>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Rows of the picture.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is not 1 to <see cref="MaxSide"/>.</exception>
    public PaddedSquare(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, MaxSide);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, MaxSide);
        Width = width;
        Height = height;
    }

    /// <summary>Columns of the picture.</summary>
    public int Width { get; }

    /// <summary>Rows of the picture.</summary>
    public int Height { get; }

    /// <summary>Columns and rows of the square.</summary>
    public int Side => Math.Max(Width, Height);

    /// <summary>The column of the square where the picture begins.</summary>
    public int Left => (Side - Width) / 2;

    /// <summary>The row of the square where the picture begins.</summary>
    public int Top => (Side - Height) / 2;

    /// <summary>The whole square.</summary>
    public PixelBox Box => new(0, 0, Side, Side);

    /// <summary>The part of a box of the square that shows the picture, in the picture's own pixels; of no size where the box
    /// shows padding only.</summary>
    public PixelBox ToPicture(PixelBox box) => box.Offset(-Left, -Top).ClampTo(Width, Height);

    /// <summary>A box of the picture in the pixels of the square.</summary>
    public PixelBox FromPicture(PixelBox box) => box.Offset(Left, Top);
}
