namespace ChainOfSpot.Images;

/// <summary>
/// How the stored rows and columns of a picture lie in the scene (EXIF 2.32, tag 274): the sides of the scene at which row 0
/// and column 0 are.
/// </summary>
internal enum ExifOrientation
{
    TopLeft = 1,
    TopRight = 2,
    BottomRight = 3,
    BottomLeft = 4,
    LeftTop = 5,
    RightTop = 6,
    RightBottom = 7,
    LeftBottom = 8,
}

/// <summary>Turns pictures upright.</summary>
internal static class ExifOrientationExtensions
{
    // Source rows and columns are both walked within a tile, so that turned pictures do not miss the cache at every pixel.
    private const int Tile = 32;

    public static Picture MakeUpright(this ExifOrientation orientation, Picture stored)
    {
        if (orientation is <= ExifOrientation.TopLeft or > ExifOrientation.LeftBottom)
            return stored;
        bool turned = orientation >= ExifOrientation.LeftTop;
        bool lastColumnFirst = orientation is ExifOrientation.TopRight or ExifOrientation.BottomRight
            or ExifOrientation.RightBottom or ExifOrientation.LeftBottom;
        bool lastRowFirst = orientation is ExifOrientation.BottomRight or ExifOrientation.BottomLeft
            or ExifOrientation.RightTop or ExifOrientation.RightBottom;

        int columnStep = lastColumnFirst ? -3 : 3;
        int rowStep = lastRowFirst ? -stored.Width * 3 : stored.Width * 3;
        int start = (lastColumnFirst ? (stored.Width - 1) * 3 : 0) + (lastRowFirst ? (stored.Height - 1) * stored.Width * 3 : 0);
        (int stepX, int stepY) = turned ? (rowStep, columnStep) : (columnStep, rowStep);
        (int width, int height) = turned ? (stored.Height, stored.Width) : (stored.Width, stored.Height);

        ReadOnlySpan<byte> from = stored.Rgb.Span;
        byte[] upright = GC.AllocateUninitializedArray<byte>(from.Length);
        for (int top = 0; top < height; top += Tile)
        {
            for (int left = 0; left < width; left += Tile)
            {
                for (int y = top; y < Math.Min(top + Tile, height); y++)
                {
                    for (int x = left; x < Math.Min(left + Tile, width); x++)
                        from.Slice(start + x * stepX + y * stepY, 3).CopyTo(upright.AsSpan((y * width + x) * 3));
                }
            }
        }
        return new Picture(width, height, upright);
    }
}
