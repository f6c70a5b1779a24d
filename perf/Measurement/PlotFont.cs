using ScottPlot;
using SkiaSharp;

namespace ChainOfSpot.Measurement;

/// <summary>A font for plots. On Linux the drawing library is built without fontconfig and finds none by itself.</summary>
public static class PlotFont
{
    private const string Name = "plot";
    private const string Preferred = "DejaVuSans.ttf";
    private static readonly string[] Folders = ["/usr/share/fonts", "/usr/local/share/fonts"];

    /// <summary>Makes a font of the system the font of all plots; where there is none, plots have no text.</summary>
    public static void UseSystemFont()
    {
        using var font = new SKFont(SKTypeface.Default);
        if (font.ContainsGlyph('0'))
            return;
        string[] files = [.. Folders.Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, "*.ttf", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)];
        string? file = files.FirstOrDefault(f => Path.GetFileName(f) == Preferred) ?? files.FirstOrDefault();
        if (file is null)
            return;
        Fonts.AddFontFile(Name, file, bold: false, italic: false);
        Fonts.AddFontFile(Name, file, bold: true, italic: false);
        Fonts.Default = Name;
        Fonts.Sans = Name;
    }
}
