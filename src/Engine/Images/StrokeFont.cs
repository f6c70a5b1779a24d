using System.Globalization;
using System.Numerics;

namespace ChainOfSpot.Images;

/// <summary>
/// A sans-serif for captions, drawn by strokes of a round pen, so that text looks the same at any size on any machine, one
/// without fonts included. It has printable ASCII; anything else shows as a box.
/// </summary>
internal static class StrokeFont
{
    /// <summary>Units from the top of a capital to the baseline; all other measures are in these units.</summary>
    public const float CapHeight = 20;

    /// <summary>From one baseline to the next.</summary>
    public const float LineHeight = 37;

    /// <summary>From the baseline to the lowest stroke.</summary>
    public const float Descent = 6;

    private const float LetterSpace = 5.2f;
    private const float WordSpace = 7.5f;
    private const int CurveSegments = 8;

    // From '!' to '~'. A glyph is strokes separated by '|', a stroke is points x,y separated by blanks, y downwards from the top
    // of a capital; '~' marks the control point of a quadratic curve between its neighbours.
    private static readonly string[] Strokes =
    [
        "0,0 0,13|0,20 0,20",
        "0,0 0,5|5,0 5,5",
        "5,2 3,20|11,2 9,20|1,8 14,8|0,14 13,14",
        "12,4 ~11,1 6,1 ~0,1 0,6 ~0,9 6,10 ~13,11 13,15 ~13,19 6,19 ~1,19 0,16|6,-3 6,23",
        "3,0 ~0,0 0,4 ~0,8 3,8 ~6,8 6,4 ~6,0 3,0|14,12 ~11,12 11,16 ~11,20 14,20 ~17,20 17,16 ~17,12 14,12|14,0 3,20",
        "14,20 3,7 ~1,5 1,4 ~1,0 5,0 ~9,0 9,4 ~9,7 5,9 ~0,12 0,15 ~0,20 5,20 ~11,20 12,12",
        "0,0 0,5",
        "4,-2 ~0,4 0,10 ~0,17 4,24",
        "0,-2 ~4,4 4,10 ~4,17 0,24",
        "5,2 5,12|1,4 9,10|9,4 1,10",
        "0,12 12,12|6,6 6,18",
        "2,20 0,24",
        "0,13 8,13",
        "0,20 0,20",
        "0,22 9,-1",
        "6,0 ~0,0 0,10 ~0,20 6,20 ~12,20 12,10 ~12,0 6,0",
        "0,4 5,0 5,20",
        "0,5 ~0,0 6,0 ~12,0 12,5 ~12,9 7,13 0,20 12,20",
        "0,3 ~2,0 6,0 ~11,0 11,5 ~11,9 5,9|5,9 ~12,9 12,15 ~12,20 6,20 ~1,20 0,16",
        "9,20 9,0 0,14 12,14",
        "11,0 1,0 1,9 ~2,7 6,7 ~12,7 12,13 ~12,20 6,20 ~1,20 0,17",
        "10,0 ~0,3 0,14 ~0,20 6,20 ~12,20 12,14 ~12,8 6,8 ~0,8 0,14",
        "0,0 12,0 4,20",
        "6,9 ~1,9 1,5 ~1,0 6,0 ~11,0 11,5 ~11,9 6,9 ~0,9 0,15 ~0,20 6,20 ~12,20 12,15 ~12,9 6,9",
        "12,6 ~12,12 6,12 ~0,12 0,6 ~0,0 6,0 ~12,0 12,6 ~12,17 2,20",
        "0,9 0,9|0,20 0,20",
        "2,9 2,9|2,20 0,24",
        "10,5 0,12 10,19",
        "0,9 11,9|0,15 11,15",
        "0,5 10,12 0,19",
        "0,4 ~1,0 5,0 ~10,0 10,5 ~10,9 5,11 5,14|5,20 5,20",
        "13,14 ~11,16 9,16 ~5,16 5,11 ~5,6 9,6 ~13,6 13,10 13,13 ~13,16 15,16 ~18,15 18,10 ~17,1 9,1 ~0,1 0,11 ~0,22 10,22 ~13,22 15,21",
        "0,20 7,0 14,20|3,13 11,13",
        "0,0 0,20 7,20 ~13,20 13,15 ~13,10 7,10 0,10|7,10 ~12,10 12,5 ~12,0 7,0 0,0",
        "13,4 ~11,0 7,0 ~0,0 0,10 ~0,20 7,20 ~11,20 13,16",
        "0,0 0,20 5,20 ~14,20 14,10 ~14,0 5,0 0,0",
        "11,0 0,0 0,20 11,20|0,10 9,10",
        "11,0 0,0 0,20|0,10 9,10",
        "13,4 ~11,0 7,0 ~0,0 0,10 ~0,20 7,20 ~14,20 14,14 14,11 8,11",
        "0,0 0,20|13,0 13,20|0,10 13,10",
        "0,0 0,20",
        "9,0 9,14 ~9,20 4,20 ~1,20 0,17",
        "0,0 0,20|12,0 0,12|4,8 13,20",
        "0,0 0,20 11,20",
        "0,20 0,0 8,13 16,0 16,20",
        "0,20 0,0 13,20 13,0",
        "7,0 ~0,0 0,10 ~0,20 7,20 ~14,20 14,10 ~14,0 7,0",
        "0,20 0,0 7,0 ~13,0 13,6 ~13,11 7,11 0,11",
        "7,0 ~0,0 0,10 ~0,20 7,20 ~14,20 14,10 ~14,0 7,0|9,15 14,21",
        "0,20 0,0 7,0 ~13,0 13,6 ~13,11 7,11 0,11|7,11 13,20",
        "12,4 ~11,0 6,0 ~0,0 0,5 ~0,9 6,10 ~13,11 13,15 ~13,20 6,20 ~1,20 0,16",
        "0,0 14,0|7,0 7,20",
        "0,0 0,13 ~0,20 7,20 ~14,20 14,13 14,0",
        "0,0 7,20 14,0",
        "0,0 5,20 10,3 15,20 20,0",
        "0,0 13,20|13,0 0,20",
        "0,0 7,10 14,0|7,10 7,20",
        "0,0 13,0 0,20 13,20",
        "4,-2 0,-2 0,24 4,24",
        "0,-1 9,22",
        "0,-2 4,-2 4,24 0,24",
        "0,6 5,0 10,6",
        "0,24 12,24",
        "0,0 3,4",
        "1,8 ~2,6 5,6 ~10,6 10,10 10,20|10,12 5,12 ~0,12 0,16 ~0,20 4,20 ~10,20 10,14",
        "0,0 0,20|0,13 ~0,6 6,6 ~11,6 11,13 ~11,20 6,20 ~0,20 0,13",
        "10,9 ~9,6 6,6 ~0,6 0,13 ~0,20 6,20 ~9,20 10,17",
        "11,0 11,20|11,13 ~11,6 5,6 ~0,6 0,13 ~0,20 5,20 ~11,20 11,13",
        "0,13 11,13 ~11,6 6,6 ~0,6 0,13 ~0,20 6,20 ~9,20 10,17",
        "8,0 ~3,0 3,5 3,20|0,7 7,7",
        "11,6 11,20 ~11,26 5,26 ~2,26 1,24|11,13 ~11,6 5,6 ~0,6 0,13 ~0,20 5,20 ~11,20 11,13",
        "0,0 0,20|0,12 ~0,6 6,6 ~10,6 10,11 10,20",
        "0,6 0,20|0,1 0,1",
        "4,6 4,22 ~4,26 0,26|4,1 4,1",
        "0,0 0,20|9,6 0,15|4,11 10,20",
        "0,0 0,16 ~0,20 3,20",
        "0,6 0,20|0,12 ~0,6 5,6 ~8,6 8,11 8,20|8,12 ~8,6 13,6 ~16,6 16,11 16,20",
        "0,6 0,20|0,12 ~0,6 6,6 ~10,6 10,11 10,20",
        "6,6 ~0,6 0,13 ~0,20 6,20 ~12,20 12,13 ~12,6 6,6",
        "0,6 0,26|0,13 ~0,6 6,6 ~11,6 11,13 ~11,20 6,20 ~0,20 0,13",
        "11,6 11,26|11,13 ~11,6 5,6 ~0,6 0,13 ~0,20 5,20 ~11,20 11,13",
        "0,6 0,20|0,12 ~0,6 6,6",
        "9,8 ~8,6 5,6 ~0,6 0,9 ~0,12 5,13 ~10,14 10,17 ~10,20 5,20 ~1,20 0,17",
        "3,1 3,16 ~3,20 7,20|0,6 7,6",
        "0,6 0,15 ~0,20 5,20 ~10,20 10,14|10,6 10,20",
        "0,6 5,20 10,6",
        "0,6 4,20 8,8 12,20 16,6",
        "0,6 10,20|10,6 0,20",
        "0,6 6,20|11,6 5,22 ~4,26 0,26",
        "0,6 10,6 0,20 10,20",
        "6,-2 ~3,-2 3,2 3,8 ~3,11 0,11 ~3,11 3,14 3,20 ~3,24 6,24",
        "0,-2 0,24",
        "0,-2 ~3,-2 3,2 3,8 ~3,11 6,11 ~3,11 3,14 3,20 ~3,24 0,24",
        "0,13 ~2,9 5,12 ~8,15 10,11",
    ];

    private static readonly Glyph[] Glyphs = [.. Strokes.Select(Parse)];
    private static readonly Glyph Missing = Parse("0,0 11,0 11,20 0,20 0,0");

    /// <summary>The glyph of a visible character.</summary>
    public static Glyph GlyphOf(char character) => character is >= '!' and <= '~' ? Glyphs[character - '!'] : Missing;

    /// <summary>How far the pen moves on after a character.</summary>
    public static float Advance(char character) => character == ' ' ? WordSpace : GlyphOf(character).Width + LetterSpace;

    /// <summary>The width of a line of text.</summary>
    public static float Measure(ReadOnlySpan<char> text)
    {
        float width = 0;
        foreach (char character in text)
            width += Advance(character);
        return width;
    }

    /// <summary>How many characters of a text fit in a width; at least one.</summary>
    public static int Fit(ReadOnlySpan<char> text, float width)
    {
        int fits = 0;
        for (float end = 0; fits < text.Length; fits++)
        {
            end += Advance(text[fits]);
            if (end > width && fits > 0)
                break;
        }
        return fits;
    }

    private static Glyph Parse(string strokes)
    {
        var segments = new List<(Vector2 From, Vector2 To)>();
        foreach (string stroke in strokes.Split('|'))
        {
            string[] points = stroke.Split(' ');
            Vector2 at = Point(points[0]);
            for (int i = 1; i < points.Length; i++)
            {
                bool curve = points[i][0] == '~';
                Vector2 to = Point(points[curve ? i + 1 : i]);
                Vector2 control = curve ? Point(points[i++][1..]) : (at + to) / 2;
                int steps = curve ? CurveSegments : 1;
                Vector2 start = at;
                for (int step = 1; step <= steps; step++)
                {
                    float t = (float)step / steps;
                    Vector2 next = Vector2.Lerp(Vector2.Lerp(start, control, t), Vector2.Lerp(control, to, t), t);
                    segments.Add((at, next));
                    at = next;
                }
            }
        }
        return new Glyph([.. segments], segments.Max(s => Math.Max(s.From.X, s.To.X)));
    }

    private static Vector2 Point(string text)
    {
        int comma = text.IndexOf(',', StringComparison.Ordinal);
        return new Vector2(
            int.Parse(text.AsSpan(0, comma), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
            int.Parse(text.AsSpan(comma + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }

    /// <summary>The strokes of a character as straight segments, and its width.</summary>
    internal sealed record Glyph((Vector2 From, Vector2 To)[] Segments, float Width);
}
