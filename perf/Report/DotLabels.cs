using ScottPlot;

namespace ChainOfSpot.Report;

/// <summary>Names beside the dots of a plot.</summary>
internal static class DotLabels
{
    public static void Add(Plot plot, IReadOnlyList<Measured> dots, Color color, (double Left, double Right) x, (double Bottom, double Top) y)
    {
        foreach (Measured dot in dots)
        {
            var text = plot.Add.Text(dot.Name, Math.Log10(dot.Cost.Intensity), Math.Log10(dot.OperationsPerSecond / 1e9));
            text.LabelFontColor = color;
            text.LabelFontSize = 11;
            text.OffsetX = 6;
        }
    }
}
