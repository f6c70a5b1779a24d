namespace ChainOfSpot.Kernels;

/// <summary>
/// One dimension of a <see cref="ResampleGeometry"/>, in coordinates of the frame, the virtual picture that is resized.
/// A position of the frame is, from the outside in: margin (not in the crop), outside (not in the padded square), pad (not
/// in the picture) or picture.
/// </summary>
public readonly record struct ResampleAxis
{
    /// <summary>Pixels of the frame.</summary>
    public int Frame { get; init; }

    /// <summary>First position of the crop.</summary>
    public int CropStart { get; init; }

    /// <summary>Position after the crop.</summary>
    public int CropEnd { get; init; }

    /// <summary>First position of the padded square; may be negative.</summary>
    public int SquareStart { get; init; }

    /// <summary>Position after the padded square; may be beyond the frame.</summary>
    public int SquareEnd { get; init; }

    /// <summary>Position of the picture's first pixel; may be negative.</summary>
    public int PictureStart { get; init; }

    /// <summary>Pixels of the picture.</summary>
    public int Picture { get; init; }

    /// <summary>Pixels that the whole frame is resized to.</summary>
    public int Scaled { get; init; }

    /// <summary>The first of them that is wanted.</summary>
    public int OutputStart { get; init; }

    /// <summary>How many of them are wanted.</summary>
    public int Output { get; init; }

    /// <summary>The most positions of the frame that an output reads.</summary>
    public int MostTaps => BicubicWindow.MaxTaps(this);

    /// <summary>First position that shows the picture.</summary>
    internal int VisibleStart => Math.Max(PictureStart, CropStart);

    /// <summary>Position after the last that shows the picture; at least <see cref="VisibleStart"/>.</summary>
    internal int VisibleEnd => Math.Max(VisibleStart, Math.Min(PictureStart + Picture, CropEnd));

    /// <summary>The first pixel of the picture that an output reads.</summary>
    public int FirstRead => Math.Clamp(BicubicWindow.Bounds(this, 0).First, VisibleStart, VisibleEnd) - PictureStart;

    /// <summary>The pixel of the picture after the last that an output reads.</summary>
    public int EndRead => Math.Clamp(BicubicWindow.Bounds(this, Output - 1).End, VisibleStart, VisibleEnd) - PictureStart;
}
