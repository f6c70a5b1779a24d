using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels;
using SkiaSharp;

namespace ChainOfSpot.Images;

/// <summary>
/// Decoding and encoding by SkiaSharp, and the only file that knows it. A target without a colour space and with unmultiplied
/// alpha makes Skia hand out the stored samples; one pixel format for all files keeps it at that.
/// </summary>
internal static unsafe class SkiaCodec
{
    private const int StripBytes = 1 << 18;

    public static Picture Decode(ReadOnlySpan<byte> encoded, string origin, long maxPixels, out ExifOrientation orientation)
    {
        if (encoded.IsEmpty)
            throw new PictureException(origin, "is empty; expected a JPEG, PNG, WebP, GIF or BMP picture.");
        try
        {
            fixed (byte* bytes = encoded)
            {
                using SKData data = SKData.Create((nint)bytes, encoded.Length);
                using SKCodec codec = SKCodec.Create(data)
                    ?? throw new PictureException(origin, "is no picture that can be read; expected a JPEG, PNG, WebP, GIF or BMP file.");
                if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && JpegMarkers.LacksScans(encoded))
                    throw new PictureException(origin, "is truncated (Jpeg, without its last scans); expected a whole file.");
                orientation = (ExifOrientation)codec.EncodedOrigin;
                return new Picture(codec.Info.Width, codec.Info.Height, DecodePixels(codec, origin, maxPixels));
            }
        }
        catch (Exception error) when (error is DllNotFoundException or TypeInitializationException)
        {
            throw new PictureException(
                origin, $"cannot be decoded: the native library libSkiaSharp was not loaded ({error.Message}).", error);
        }
    }

    public static void EncodePng(Picture picture, Stream stream)
    {
        using var bitmap = new SKBitmap(PixelsOf(picture.Width, picture.Height, SKAlphaType.Opaque));
        ReadOnlySpan<byte> rgb = picture.Rgb.Span;
        Span<byte> rgba = bitmap.GetPixelSpan();
        for (int pixel = 0; pixel < rgb.Length / 3; pixel++)
        {
            rgb.Slice(pixel * 3, 3).CopyTo(rgba[(pixel * 4)..]);
            rgba[pixel * 4 + 3] = 255;
        }
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        png.SaveTo(stream);
    }

    private static byte[] DecodePixels(SKCodec codec, string origin, long maxPixels)
    {
        SKImageInfo target = PixelsOf(codec.Info.Width, codec.Info.Height, SKAlphaType.Unpremul);
        long pixels = (long)target.Width * target.Height;
        if (Math.Max(target.Width, target.Height) > ResampleGeometry.MaxSide)
        {
            throw new PictureException(
                origin, $"is {target.Width} x {target.Height} pixels; expected at most {ResampleGeometry.MaxSide} a side.");
        }
        if (pixels > Math.Min(maxPixels, Array.MaxLength / 3))
            throw new PictureException(origin, $"is {target.Width} x {target.Height} pixels; expected at most {maxPixels} in all.");

        byte[] rgb = GC.AllocateUninitializedArray<byte>((int)(pixels * 3));
        // By strips where the format allows it: a strip of RGBA stays in the cache until it is packed.
        bool strips = codec.StartScanlineDecode(target) == SKCodecResult.Success && codec.ScanlineOrder == SKCodecScanlineOrder.TopDown;
        int stripRows = strips ? Math.Clamp(StripBytes / target.RowBytes, 1, target.Height) : target.Height;
        using SKData strip = SKData.Create((long)stripRows * target.RowBytes);
        for (int row = 0; row < target.Height; row += stripRows)
        {
            int rows = Math.Min(stripRows, target.Height - row);
            SKCodecResult result = !strips ? codec.GetPixels(target, strip.Data)
                : codec.GetScanlines(strip.Data, rows, target.RowBytes) == rows ? SKCodecResult.Success
                : SKCodecResult.IncompleteInput;
            if (result != SKCodecResult.Success)
                throw new PictureException(origin, $"is truncated or corrupt ({codec.EncodedFormat}, {result}); expected a whole file.");
            Pack((byte*)strip.Data, rgb.AsSpan(row * target.Width * 3, rows * target.Width * 3));
        }
        return rgb;
    }

    private static SKImageInfo PixelsOf(int width, int height, SKAlphaType alpha) => new(width, height, SKColorType.Rgba8888, alpha, null);

    /// <summary>RGBA to RGB.</summary>
    private static void Pack(byte* rgba, Span<byte> rgb)
    {
        int at = 0;
        // 12 of the 16 written bytes are pixels; the next store or the loop below overwrites the rest.
        for (; at + 16 <= rgb.Length; at += 12, rgba += 16)
        {
            Vector128.Shuffle(Vector128.Load(rgba), Vector128.Create(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, (byte)255))
                .CopyTo(rgb[at..]);
        }
        for (; at < rgb.Length; at += 3, rgba += 4)
            new ReadOnlySpan<byte>(rgba, 3).CopyTo(rgb[at..]);
    }
}
