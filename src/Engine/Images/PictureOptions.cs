namespace ChainOfSpot.Images;

/// <summary>How an encoded picture is read.</summary>
public sealed record PictureOptions
{
    /// <summary>
    /// Turns the picture upright where its EXIF data says how. Off by default: the published evaluations of the method read the
    /// pixels as they are stored.
    /// </summary>
    public bool ApplyExifOrientation { get; init; }

    /// <summary>
    /// The most pixels that are decoded, checked before any memory is reserved. The default is where Pillow refuses a picture as
    /// a decompression bomb; it takes half a gigabyte.
    /// </summary>
    public long MaxPixels { get; init; } = 178_956_970;
}
