using ScottPlot;

namespace ChainOfSpot.Report;

/// <summary>A dot of a plot, in the plot's coordinates.</summary>
internal readonly record struct LabelledDot(string Name, double X, double Y, Color Color);

/// <summary>
/// Names beside the dots of a plot, none over another or over a dot: each takes the nearest free place around its dot, and a
/// line leads there where that is not beside it.
/// </summary>
internal sealed class DotLabels(Plot plot, AxisLimits limits, PixelSize area)
{
    private const int FontSize = 12;
    private const float LabelHeight = 15;
    private const float Gap = 2;
    private const float DotRadius = 5;
    private const float Step = 9;
    private const int Steps = 40;
    private const int Directions = 16;

    private readonly List<PixelRect> _taken = [];

    public void Add(IReadOnlyList<LabelledDot> dots)
    {
        foreach (LabelledDot dot in dots)
            _taken.Add(Around(ToPixel(dot.X, dot.Y)));
        // Crowded dots have neighbours above; from the top down, labels of a column fan out in its order.
        foreach (LabelledDot dot in dots.OrderByDescending(d => d.Y))
            Place(dot);
    }

    private void Place(LabelledDot dot)
    {
        Pixel center = ToPixel(dot.X, dot.Y);
        float width = WidthOf(dot.Name);
        for (int step = 0; step < Steps; step++)
        {
            for (int direction = 0; direction < Directions; direction++)
            {
                double angle = 2 * Math.PI * direction / Directions;
                double distance = DotRadius + 2 + (step * Step);
                float x = center.X + (float)(Math.Cos(angle) * distance);
                float y = center.Y + (float)(Math.Sin(angle) * distance);
                float left = Math.Cos(angle) > 0.01 ? x : Math.Cos(angle) < -0.01 ? x - width : x - (width / 2);
                var box = new PixelRect(left, left + width, y + (LabelHeight / 2), y - (LabelHeight / 2));
                if (!IsFree(box))
                    continue;
                _taken.Add(box);
                Draw(dot, box, hasLeader: step > 0, new Pixel(x, y));
                return;
            }
        }
    }

    private bool IsFree(PixelRect box) =>
        box.Left >= 0 && box.Right <= area.Width && box.Top >= 0 && box.Bottom <= area.Height
        && !_taken.Exists(t => t.Left < box.Right && box.Left < t.Right && t.Top < box.Bottom && box.Top < t.Bottom);

    private void Draw(LabelledDot dot, PixelRect box, bool hasLeader, Pixel end)
    {
        if (hasLeader)
        {
            Coordinates to = FromPixel(end.X, end.Y);
            var line = plot.Add.Line(dot.X, dot.Y, to.X, to.Y);
            line.LineColor = dot.Color.WithAlpha(0.5);
            line.LineWidth = 1;
        }
        Coordinates left = FromPixel(box.Left, (box.Top + box.Bottom) / 2);
        var text = plot.Add.Text(dot.Name, left.X, left.Y);
        text.LabelAlignment = Alignment.MiddleLeft;
        text.LabelFontColor = dot.Color.Darken(0.3);
        text.LabelFontSize = FontSize;
        // Lines of the roof shine through.
        text.LabelBackgroundColor = Colors.White.WithAlpha(0.7);
    }

    private static float WidthOf(string name)
    {
        using Paint paint = Paint.NewDisposablePaint();
        return new LabelStyle { Text = name, FontSize = FontSize }.Measure(paint).Width + Gap;
    }

    private static PixelRect Around(Pixel center) =>
        new(center.X - DotRadius, center.X + DotRadius, center.Y + DotRadius, center.Y - DotRadius);

    private Pixel ToPixel(double x, double y) => new(
        (float)((x - limits.Left) / limits.HorizontalSpan * area.Width),
        (float)((limits.Top - y) / limits.VerticalSpan * area.Height));

    private Coordinates FromPixel(float x, float y) => new(
        limits.Left + (x / area.Width * limits.HorizontalSpan),
        limits.Top - (y / area.Height * limits.VerticalSpan));
}
