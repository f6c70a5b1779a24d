using ChainOfSpot.Images;

namespace ChainOfSpot.EndToEnd;

/// <summary>
/// One picture again and again, each time with another last pixel: whoever keeps what he computed for a picture, the engine or
/// a peer, has never seen it. Thread-safe.
/// </summary>
internal sealed class FreshPictures(Picture picture)
{
    private int _count;

    /// <summary>The next.</summary>
    public Picture Next()
    {
        byte[] rgb = picture.Rgb.ToArray();
        int count = Interlocked.Increment(ref _count);
        (rgb[^3], rgb[^2], rgb[^1]) = ((byte)count, (byte)(count >> 8), (byte)(count >> 16));
        return Picture.FromRgb(picture.Width, picture.Height, rgb);
    }
}
