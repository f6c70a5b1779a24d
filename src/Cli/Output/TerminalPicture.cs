using ChainOfSpot.Images;
using Spectre.Console;

namespace ChainOfSpot.Cli.Output;

/// <summary>Pictures in a terminal: as sixels where it reads them, else as coloured blocks.</summary>
internal static class TerminalPicture
{
    private const int MostSixelSide = 480;
    private const int MostBlockSide = 56;

    /// <summary>Shows a picture, made smaller to fit.</summary>
    /// <returns>Whether it could be shown.</returns>
    public static bool Show(Picture picture, Terminal terminal)
    {
        if (!terminal.IsInteractive || !terminal.Colors)
            return false;
        if (terminal.ReadsSixels.Value)
            terminal.Out.WriteLine(Sixels.Of(Fit(picture, MostSixelSide)));
        else
            ShowBlocks(Fit(picture, MostBlockSide), terminal);
        return true;
    }

    private static void ShowBlocks(Picture picture, Terminal terminal)
    {
        var canvas = new Canvas(picture.Width, picture.Height);
        ReadOnlySpan<byte> rgb = picture.Rgb.Span;
        for (int y = 0, i = 0; y < picture.Height; y++)
        {
            for (int x = 0; x < picture.Width; x++, i += 3)
                canvas.SetPixel(x, y, new Color(rgb[i], rgb[i + 1], rgb[i + 2]));
        }
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, Out = new AnsiConsoleOutput(terminal.Out) });
        console.Write(new Padder(canvas, new Padding(2, 0, 0, 0)));
    }

    /// <summary>A picture whose longer side is <paramref name="mostSide"/> at most: each pixel is the mean of those that it stands for.</summary>
    private static Picture Fit(Picture picture, int mostSide)
    {
        int longer = Math.Max(picture.Width, picture.Height);
        if (longer <= mostSide)
            return picture;
        int width = Math.Max(1, picture.Width * mostSide / longer);
        int height = Math.Max(1, picture.Height * mostSide / longer);
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < rgb.Length; i++)
        {
            int pixel = i / 3;
            rgb[i] = Mean(picture, i % 3, Part(pixel % width, width, picture.Width), Part(pixel / width, height, picture.Height));
        }
        return Picture.FromRgb(width, height, rgb);

        static Range Part(int index, int parts, int length) => (int)((long)index * length / parts)..(int)((index + 1L) * length / parts);
    }

    private static byte Mean(Picture picture, int channel, Range columns, Range rows)
    {
        ReadOnlySpan<byte> rgb = picture.Rgb.Span;
        long sum = 0;
        for (int y = rows.Start.Value; y < rows.End.Value; y++)
        {
            for (int x = columns.Start.Value; x < columns.End.Value; x++)
                sum += rgb[(((y * picture.Width) + x) * 3) + channel];
        }
        return (byte)(sum / ((columns.End.Value - columns.Start.Value) * (rows.End.Value - rows.Start.Value)));
    }
}
