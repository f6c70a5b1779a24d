using ChainOfSpot.Kernels;

namespace ChainOfSpot.Images;

/// <summary>
/// A decoded picture: immutable rows of interleaved 8-bit RGB without gaps. Sample values are those that the file stores:
/// colour profiles and gamma are ignored, alpha is dropped (neither composited nor multiplied), 16-bit samples keep their
/// high byte. Of an animation it is the first frame.
/// </summary>
public sealed class Picture
{
    // A file of this size is no picture that fits under any sensible pixel limit; reading stops there.
    private const int MaxEncodedBytes = 1 << 29;

    private readonly byte[] _rgb;
    private readonly Lazy<PixelHash> _hash;

    internal Picture(int width, int height, byte[] rgb)
    {
        Width = width;
        Height = height;
        _rgb = rgb;
        _hash = new Lazy<PixelHash>(() => PixelHash.Of(Width, Height, _rgb));
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The pixels, [<see cref="Height"/>][<see cref="Width"/>][3].</summary>
    public ReadOnlyMemory<byte> Rgb => _rgb;

    /// <summary>The identity of the pixels; computed once, when first asked for.</summary>
    public PixelHash Hash => _hash.Value;

    /// <summary>Reads a picture file with the default options: JPEG, PNG, WebP, GIF or BMP.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="PictureException">It cannot be read, or is no whole picture of a known format within the limits.</exception>
    public static Picture Decode(string path) => Decode(path, options: null);

    /// <summary>Reads a picture file: JPEG, PNG, WebP, GIF or BMP.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How it is read; null for the defaults.</param>
    /// <exception cref="PictureException">It cannot be read, or is no whole picture of a known format within the limits.</exception>
    public static Picture Decode(string path, PictureOptions? options)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Decode(stream, path, options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new PictureException(path, $"cannot be read: {error.Message}", error);
        }
    }

    /// <summary>Reads a picture from a stream, to the stream's end.</summary>
    /// <param name="stream">JPEG, PNG, WebP, GIF or BMP.</param>
    /// <param name="origin">What errors call it, such as "standard input".</param>
    /// <param name="options">How it is read; null for the defaults.</param>
    /// <exception cref="PictureException">It is no whole picture of a known format within the limits.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static Picture Decode(Stream stream, string origin, PictureOptions? options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        long known = stream.CanSeek ? stream.Length - stream.Position : 0;
        using var encoded = new MemoryStream(known > MaxEncodedBytes ? 0 : (int)known);
        byte[] buffer = new byte[1 << 16];
        for (int read; known <= MaxEncodedBytes && (read = stream.Read(buffer)) > 0; known = Math.Max(known, encoded.Length))
            encoded.Write(buffer, 0, read);
        if (known > MaxEncodedBytes)
            throw new PictureException(origin, $"is larger than {MaxEncodedBytes >> 20} MiB; expected a picture.");
        return Decode(encoded.GetBuffer().AsSpan(0, (int)encoded.Length), origin, options);
    }

    /// <summary>Reads a picture that lies encoded in memory.</summary>
    /// <param name="encoded">JPEG, PNG, WebP, GIF or BMP.</param>
    /// <param name="origin">What errors call it.</param>
    /// <param name="options">How it is read; null for the defaults.</param>
    /// <exception cref="PictureException">It is no whole picture of a known format within the limits.</exception>
    public static Picture Decode(ReadOnlySpan<byte> encoded, string origin, PictureOptions? options)
    {
        ArgumentNullException.ThrowIfNull(origin);
        options ??= new PictureOptions();
        Picture stored = SkiaCodec.Decode(encoded, origin, options.MaxPixels, out ExifOrientation orientation);
        return options.ApplyExifOrientation ? orientation.MakeUpright(stored) : stored;
    }

    /// <summary>A picture from pixels at hand, which are copied.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="rgb">[height][width][3].</param>
    /// <exception cref="ArgumentException">A side is out of range, or the bytes are not width x height x 3.</exception>
    public static Picture FromRgb(int width, int height, ReadOnlySpan<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Math.Max(width, height), ResampleGeometry.MaxSide);
        if (rgb.Length != (long)width * height * 3)
        {
            throw new ArgumentException(
                $"{width} x {height} RGB pixels are {(long)width * height * 3} bytes, not {rgb.Length}.", nameof(rgb));
        }
        return new Picture(width, height, rgb.ToArray());
    }

    /// <summary>Writes the picture as a PNG file, replacing one that is there.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void SavePng(string path)
    {
        using FileStream stream = File.Create(path);
        SavePng(stream);
    }

    /// <summary>Writes the picture as PNG.</summary>
    public void SavePng(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        SkiaCodec.EncodePng(this, stream);
    }
}
