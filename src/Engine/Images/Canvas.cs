using System.Numerics;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Images;

/// <summary>Pixels that can be drawn on. Everything is clipped to them.</summary>
internal sealed class Canvas
{
    private readonly byte[] _rgb;

    public Canvas(int width, int height, Color color)
    {
        Width = width;
        Height = height;
        _rgb = new byte[(long)width * height * 3];
        Fill(new PixelBox(0, 0, width, height), color);
    }

    public int Width { get; }

    public int Height { get; }

    public Picture ToPicture() => new(Width, Height, _rgb);

    /// <summary>Copies a picture that lies within the canvas.</summary>
    public void Copy(Picture picture, int left, int top)
    {
        for (int y = 0; y < picture.Height; y++)
            picture.Rgb.Span.Slice(y * picture.Width * 3, picture.Width * 3).CopyTo(_rgb.AsSpan(((top + y) * Width + left) * 3));
    }

    /// <summary>Covers a box with a colour; an opacity of 1 hides what was there.</summary>
    public void Fill(PixelBox box, Color color, float opacity = 1)
    {
        for (int y = Math.Max(box.Top, 0); y < Math.Min(box.Bottom, Height); y++)
        {
            for (int x = Math.Max(box.Left, 0); x < Math.Min(box.Right, Width); x++)
                Blend(x, y, color, opacity);
        }
    }

    /// <summary>Covers a frame of some thickness, inside a box.</summary>
    public void Outline(PixelBox box, int thickness, Color color)
    {
        Fill(box with { Bottom = box.Top + thickness }, color);
        Fill(box with { Top = box.Bottom - thickness }, color);
        Fill(box with { Right = box.Left + thickness }, color);
        Fill(box with { Left = box.Right - thickness }, color);
    }

    /// <summary>Writes a line of text.</summary>
    /// <param name="text">The characters.</param>
    /// <param name="left">Where the first one begins.</param>
    /// <param name="baseline">The row on which letters stand.</param>
    /// <param name="capHeight">The height of a capital in pixels.</param>
    /// <param name="weight">The thickness of a stroke in units of the font.</param>
    /// <param name="color">The colour.</param>
    public void Text(ReadOnlySpan<char> text, float left, float baseline, float capHeight, float weight, Color color)
    {
        float scale = capHeight / StrokeFont.CapHeight;
        foreach (char character in text)
        {
            if (character != ' ')
                Stroke(StrokeFont.GlyphOf(character).Segments, new Vector2(left, baseline - capHeight), scale, weight * scale / 2, color);
            left += StrokeFont.Advance(character) * scale;
        }
    }

    private void Stroke((Vector2 From, Vector2 To)[] segments, Vector2 origin, float scale, float radius, Color color)
    {
        Vector2 low = new(float.MaxValue), high = new(float.MinValue);
        foreach ((Vector2 from, Vector2 to) in segments)
        {
            low = Vector2.Min(low, Vector2.Min(from, to));
            high = Vector2.Max(high, Vector2.Max(from, to));
        }
        low = Vector2.Max(origin + low * scale - new Vector2(radius + 1), Vector2.Zero);
        high = Vector2.Min(origin + high * scale + new Vector2(radius + 2), new Vector2(Width, Height));
        for (int y = (int)low.Y; y < (int)high.Y; y++)
        {
            for (int x = (int)low.X; x < (int)high.X; x++)
            {
                Vector2 point = (new Vector2(x + 0.5f, y + 0.5f) - origin) / scale;
                float nearest = float.MaxValue;
                foreach ((Vector2 from, Vector2 to) in segments)
                    nearest = Math.Min(nearest, DistanceSquared(point, from, to));
                float coverage = Math.Clamp(radius + 0.5f - MathF.Sqrt(nearest) * scale, 0, 1);
                if (coverage > 0)
                    Blend(x, y, color, coverage);
            }
        }
    }

    private static float DistanceSquared(Vector2 point, Vector2 from, Vector2 to)
    {
        Vector2 along = to - from;
        float length = along.LengthSquared();
        float t = length == 0 ? 0 : Math.Clamp(Vector2.Dot(point - from, along) / length, 0, 1);
        return Vector2.DistanceSquared(point, from + t * along);
    }

    private void Blend(int x, int y, Color color, float opacity)
    {
        Span<byte> pixel = _rgb.AsSpan((y * Width + x) * 3, 3);
        pixel[0] = (byte)MathF.Round(float.Lerp(pixel[0], color.Red, opacity));
        pixel[1] = (byte)MathF.Round(float.Lerp(pixel[1], color.Green, opacity));
        pixel[2] = (byte)MathF.Round(float.Lerp(pixel[2], color.Blue, opacity));
    }

    /// <summary>An opaque colour.</summary>
    internal readonly record struct Color(byte Red, byte Green, byte Blue);
}
