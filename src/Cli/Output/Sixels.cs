using System.Globalization;
using System.Text;
using ChainOfSpot.Images;

namespace ChainOfSpot.Cli.Output;

/// <summary>
/// Pictures as DEC's sixels (VT330/VT340 Programmer Reference, volume 2, chapter 14): bands of six rows, in each one pass for every
/// colour that it has. The colours are a cube of 6 x 6 x 6, dithered in squares of 4 x 4.
/// </summary>
internal static class Sixels
{
    private const int Levels = 6;
    private const int Step = 255 / (Levels - 1);
    private const int BandRows = 6;

    private static readonly byte[] Dither = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];

    /// <summary>The escape sequence that shows a picture.</summary>
    public static string Of(Picture picture)
    {
        byte[] colors = ColorsOf(picture);
        var text = new StringBuilder(picture.Width * picture.Height);
        text.Append(CultureInfo.InvariantCulture, $"\eP0;1q\"1;1;{picture.Width};{picture.Height}");
        for (int color = 0; color < Levels * Levels * Levels; color++)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"#{color};2;{color / (Levels * Levels) * 20};{color / Levels % Levels * 20};{color % Levels * 20}");
        }
        for (int top = 0; top < picture.Height; top += BandRows)
            AppendBand(text, colors.AsSpan(top * picture.Width, Math.Min(BandRows, picture.Height - top) * picture.Width), picture.Width);
        return text.Append("\e\\").ToString();
    }

    private static byte[] ColorsOf(Picture picture)
    {
        ReadOnlySpan<byte> rgb = picture.Rgb.Span;
        byte[] colors = new byte[picture.Width * picture.Height];
        for (int i = 0; i < colors.Length; i++)
        {
            int threshold = Dither[(i / picture.Width % 4 * 4) + (i % picture.Width % 4)] * Step / 16;
            colors[i] = (byte)((((Level(rgb[3 * i]) * Levels) + Level(rgb[(3 * i) + 1])) * Levels) + Level(rgb[(3 * i) + 2]));

            int Level(byte value) => (value + threshold) / Step;
        }
        return colors;
    }

    private static void AppendBand(StringBuilder text, ReadOnlySpan<byte> band, int width)
    {
        Span<bool> used = stackalloc bool[Levels * Levels * Levels];
        foreach (byte color in band)
            used[color] = true;
        for (int color = 0; color < used.Length; color++)
        {
            if (!used[color])
                continue;
            text.Append(CultureInfo.InvariantCulture, $"#{color}");
            int run = 0;
            char last = default;
            for (int x = 0; x < width; x++)
            {
                int rows = 0;
                for (int y = 0; y * width < band.Length; y++)
                    rows |= band[(y * width) + x] == color ? 1 << y : 0;
                char sixel = (char)('?' + rows);
                if (sixel != last && run > 0)
                {
                    AppendRun(text, last, run);
                    run = 0;
                }
                last = sixel;
                run++;
            }
            AppendRun(text, last, run);
            text.Append('$');
        }
        text.Append('-');
    }

    private static void AppendRun(StringBuilder text, char sixel, int count)
    {
        if (count > 3)
            text.Append(CultureInfo.InvariantCulture, $"!{count}{sixel}");
        else
            text.Append(sixel, count);
    }
}
