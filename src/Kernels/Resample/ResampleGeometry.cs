namespace ChainOfSpot.Kernels;

/// <summary>
/// Which pixels a <see cref="CropResize"/> reads and writes: a picture, seen in a virtual frame (padded, cropped, padded
/// again), the frame resized, a window of the result kept. Only numbers; nothing of the frame is ever materialised.
/// </summary>
public readonly record struct ResampleGeometry
{
    /// <summary>The longest side of a picture or frame, in pixels; it bounds the memory of a resize.</summary>
    public const int MaxSide = 1 << 17;

    /// <summary>The columns.</summary>
    public ResampleAxis Horizontal { get; private init; }

    /// <summary>The rows.</summary>
    public ResampleAxis Vertical { get; private init; }

    /// <summary>Rows of the picture that the horizontal pass has to filter.</summary>
    public int Rows => Vertical.EndRead - Vertical.FirstRead;

    /// <summary>The whole picture, resized to <paramref name="outputWidth"/> x <paramref name="outputHeight"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or above <see cref="MaxSide"/>.</exception>
    public static ResampleGeometry Whole(int width, int height, int outputWidth, int outputHeight)
    {
        RequireSide(width, nameof(width));
        RequireSide(height, nameof(height));
        RequireSide(outputWidth, nameof(outputWidth));
        RequireSide(outputHeight, nameof(outputHeight));
        return new ResampleGeometry
        {
            Horizontal = WholeAxis(width, outputWidth, outputWidth),
            Vertical = WholeAxis(height, outputHeight, outputHeight),
        };
    }

    /// <summary>
    /// The picture resized so that its shorter side is <paramref name="side"/>, the middle of it kept (Hugging Face
    /// CLIPImageProcessor: the longer side is rounded down, the offset is (longer - side) / 2 rounded down).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or above <see cref="MaxSide"/>.</exception>
    public static ResampleGeometry CenterCrop(int width, int height, int side)
    {
        RequireSide(width, nameof(width));
        RequireSide(height, nameof(height));
        RequireSide(side, nameof(side));
        int shorter = Math.Min(width, height);
        return new ResampleGeometry
        {
            Horizontal = WholeAxis(width, (int)((long)side * width / shorter), side),
            Vertical = WholeAxis(height, (int)((long)side * height / shorter), side),
        };
    }

    /// <summary>The picture padded to a square, resized to <paramref name="side"/> x <paramref name="side"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or above <see cref="MaxSide"/>.</exception>
    public static ResampleGeometry Square(int width, int height, int side) =>
        Crop(width, height, new PixelBox(0, 0, Math.Max(width, height), Math.Max(width, height)), side);

    /// <summary>
    /// A box of the picture's padded square, itself padded to a square and resized to <paramref name="side"/> x
    /// <paramref name="side"/>. The box may leave the square.
    /// </summary>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="box">In pixels of the padded square.</param>
    /// <param name="side">Pixels of a side of the result.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is below 1 or above <see cref="MaxSide"/>, or the box is empty,
    /// inverted or further than <see cref="MaxSide"/> away.</exception>
    public static ResampleGeometry Crop(int width, int height, PixelBox box, int side)
    {
        RequireSide(width, nameof(width));
        RequireSide(height, nameof(height));
        RequireSide(side, nameof(side));
        RequireBox(box);
        int square = Math.Max(width, height);
        int frame = Math.Max(box.Width, box.Height);
        return new ResampleGeometry
        {
            Horizontal = CropAxis(width, square, box.Left, box.Right, frame, side),
            Vertical = CropAxis(height, square, box.Top, box.Bottom, frame, side),
        };
    }

    /// <summary>Whether a box has pixels, at most <see cref="MaxSide"/> a side, within <see cref="MaxSide"/> pixels of the picture.</summary>
    public static bool CanCrop(PixelBox box)
    {
        bool near = box.Left >= -MaxSide && box.Top >= -MaxSide && box.Right <= MaxSide && box.Bottom <= MaxSide;
        // Compared before subtracting: a box from far outside must not wrap into a valid one.
        return near && box.Left < box.Right && box.Top < box.Bottom && box.Width <= MaxSide && box.Height <= MaxSide;
    }

    private static ResampleAxis WholeAxis(int length, int scaled, int output) => new()
    {
        Frame = length,
        CropEnd = length,
        SquareEnd = length,
        Picture = length,
        Scaled = scaled,
        OutputStart = (scaled - output) / 2,
        Output = output,
    };

    private static ResampleAxis CropAxis(int length, int square, int start, int end, int frame, int side)
    {
        int margin = (frame - (end - start)) / 2;
        return new ResampleAxis
        {
            Frame = frame,
            CropStart = margin,
            CropEnd = margin + end - start,
            SquareStart = margin - start,
            SquareEnd = margin - start + square,
            PictureStart = margin - start + (square - length) / 2,
            Picture = length,
            Scaled = side,
            Output = side,
        };
    }

    private static void RequireSide(int side, string name)
    {
        if (side is < 1 or > MaxSide)
            throw new ArgumentOutOfRangeException(name, side, $"A side has 1 to {MaxSide} pixels.");
    }

    private static void RequireBox(PixelBox box)
    {
        if (!CanCrop(box))
        {
            throw new ArgumentOutOfRangeException(
                nameof(box), box, $"A box has 1 to {MaxSide} pixels a side, within {MaxSide} pixels of the picture.");
        }
    }
}
