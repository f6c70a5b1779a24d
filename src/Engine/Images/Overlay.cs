using ChainOfSpot.Kernels;
using static ChainOfSpot.Images.Canvas;

namespace ChainOfSpot.Images;

/// <summary>
/// Shows where the model looked and what it said: a copy of the picture with the region marked, question and answer below.
/// </summary>
public static class Overlay
{
    // Smaller pictures are enlarged to this length of their longer side, so that box and text have pixels to be drawn with.
    private const int MinLongSide = 640;
    private const int MaxLines = 40;
    private const float MinCapHeight = 12;

    // In heights of a capital.
    private const float Padding = 1.7f;
    private const float MinWidth = 40;
    private const float QuestionSize = 0.85f;
    private const float AnswerGap = 0.5f;

    private const float Dimming = 0.45f;
    private static readonly Color Ink = new(16, 18, 23);
    private static readonly Color Accent = new(255, 193, 51);
    private static readonly Color QuestionColor = new(158, 166, 179);
    private static readonly Color AnswerColor = new(245, 247, 250);

    /// <summary>Draws region, question and answer on a copy of a picture.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="region">In pixels of the picture; what is outside it is cut off.</param>
    /// <param name="question">Written below the picture.</param>
    /// <param name="answer">Written below the question.</param>
    public static Picture Draw(Picture picture, PixelBox region, string question, string answer)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(answer);
        double enlarged = Math.Max(1, (double)MinLongSide / Math.Max(picture.Width, picture.Height));
        Picture shown = Enlarge(picture, enlarged);

        float cap = MathF.Max(MinCapHeight, Math.Max(shown.Width, shown.Height / 2) / 56f);
        int padding = (int)(Padding * cap);
        int width = Math.Max(shown.Width, (int)(MinWidth * cap));
        float lineWidth = width - 3 * padding;
        List<string> questionLines = Wrap(question, lineWidth * StrokeFont.CapHeight / (cap * QuestionSize));
        List<string> answerLines = Wrap(answer, lineWidth * StrokeFont.CapHeight / cap);
        float line = cap * StrokeFont.LineHeight / StrokeFont.CapHeight;
        float text = questionLines.Count * line * QuestionSize + answerLines.Count * line;
        float below = AnswerGap * cap + cap * StrokeFont.Descent / StrokeFont.CapHeight - (line - cap);
        int height = shown.Height + 2 * padding + (int)MathF.Ceiling(text + below);

        var canvas = new Canvas(width, height, Ink);
        int left = (width - shown.Width) / 2;
        canvas.Copy(shown, left, 0);
        var pictureBox = new PixelBox(left, 0, left + shown.Width, shown.Height);
        Mark(canvas, pictureBox, Scale(region.ClampTo(picture.Width, picture.Height), enlarged), Math.Max(3, (int)(cap / 4)));

        canvas.Fill(new PixelBox(padding, shown.Height + padding, padding + Math.Max(3, (int)(cap / 4)), height - padding), Accent);
        float baseline = shown.Height + padding + cap * QuestionSize;
        foreach (string words in questionLines)
        {
            canvas.Text(words, 2 * padding, baseline, cap * QuestionSize, 2.2f, QuestionColor);
            baseline += line * QuestionSize;
        }
        baseline += cap * (1 - QuestionSize + AnswerGap);
        foreach (string words in answerLines)
        {
            canvas.Text(words, 2 * padding, baseline, cap, 2.9f, AnswerColor);
            baseline += line;
        }
        return canvas.ToPicture();
    }

    private static void Mark(Canvas canvas, PixelBox picture, PixelBox region, int thickness)
    {
        PixelBox box = region.ClampTo(picture.Width, picture.Height).Offset(picture.Left, picture.Top);
        if (box.Width <= 0 || box.Height <= 0)
            return;
        canvas.Fill(picture with { Bottom = box.Top }, Ink, Dimming);
        canvas.Fill(picture with { Top = box.Bottom }, Ink, Dimming);
        canvas.Fill(new PixelBox(picture.Left, box.Top, box.Left, box.Bottom), Ink, Dimming);
        canvas.Fill(new PixelBox(box.Right, box.Top, picture.Right, box.Bottom), Ink, Dimming);

        // The outline lies around the region, so that a small one stays visible, but never outside the picture.
        int hairline = Math.Max(1, thickness / 3);
        PixelBox outer = Grow(box, thickness + 2 * hairline, picture);
        canvas.Outline(outer, thickness + 2 * hairline, Ink);
        canvas.Outline(Grow(outer, -hairline, picture), thickness, Accent);
    }

    private static PixelBox Grow(PixelBox box, int by, PixelBox within) => new(
        Math.Max(box.Left - by, within.Left), Math.Max(box.Top - by, within.Top),
        Math.Min(box.Right + by, within.Right), Math.Min(box.Bottom + by, within.Bottom));

    private static PixelBox Scale(PixelBox box, double by) => new(
        (int)(box.Left * by), (int)(box.Top * by), (int)Math.Ceiling(box.Right * by), (int)Math.Ceiling(box.Bottom * by));

    private static unsafe Picture Enlarge(Picture picture, double by)
    {
        if (by == 1)
            return picture;
        int width = Math.Max(1, (int)Math.Round(picture.Width * by));
        int height = Math.Max(1, (int)Math.Round(picture.Height * by));
        byte[] rgb = new byte[width * height * 3];
        // The definition is fast enough for one small picture, and it needs no workspace.
        fixed (byte* source = picture.Rgb.Span, destination = rgb)
            CropResize.Scalar(ResampleGeometry.Whole(picture.Width, picture.Height, width, height), source, destination);
        return new Picture(width, height, rgb);
    }

    /// <summary>Breaks text into lines at blanks, and inside a word only where it alone is too wide.</summary>
    private static List<string> Wrap(string text, float width)
    {
        var lines = new List<string>();
        foreach (string paragraph in text.Trim().ReplaceLineEndings("\n").Split('\n'))
        {
            string line = "";
            foreach (string word in paragraph.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            {
                string joined = line.Length == 0 ? word : $"{line} {word}";
                if (StrokeFont.Measure(joined) <= width)
                {
                    line = joined;
                    continue;
                }
                if (line.Length > 0)
                    lines.Add(line);
                line = word;
                for (int fits; (fits = StrokeFont.Fit(line, width)) < line.Length;)
                {
                    lines.Add(line[..fits]);
                    line = line[fits..];
                }
            }
            lines.Add(line);
        }
        if (lines.Count > MaxLines)
            lines = [.. lines.Take(MaxLines - 1), "..."];
        return lines;
    }
}
