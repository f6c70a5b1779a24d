using ChainOfSpot.Measurement;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace ChainOfSpot.EndToEnd;

/// <summary>The curves of growth, each as SVG and PNG: medians, with bars from the best to the worst round.</summary>
internal static class GrowthPlots
{
    public const string Questions = "questions";
    public const string Pictures = "pictures";
    public const string Prefill = "context-prefill";
    public const string Decode = "context-decode";

    private const int Width = 900;
    private const int Height = 560;
    private const float TextSize = 15;
    private const float CapSize = 5;
    private const double TickDensity = 0.6;

    /// <summary>How far apart the curves' bars of one point stand, as a share of the axis: at the same place one would hide the other.</summary>
    private const double Apart = 0.015;

    /// <summary>Writes all of them to a folder.</summary>
    public static void Save(GrowthResult growth, string folder)
    {
        PlotFont.UseSystemFont();
        double[] questions = [.. growth.Questions.Select(q => (double)q.Questions)];
        Save(
            Path.Combine(folder, Questions), "Questions about one picture", "questions", "seconds, all questions", questions,
            [
                new("without reuse", [.. growth.Questions.Select(q => q.NoReuse)]),
                new("with reuse", [.. growth.Questions.Select(q => q.Reuse)]),
            ]);
        double[] pictures = [.. growth.Pictures.Select(p => (double)p.Pictures)];
        Save(
            Path.Combine(folder, Pictures), "One question about each of several pictures", "pictures", "seconds, all pictures", pictures,
            [
                new("one after the other", [.. growth.Pictures.Select(p => p.InTurn)]),
                new("asked at once", [.. growth.Pictures.Select(p => p.AtOnce)]),
            ]);
        double[] contexts = [.. growth.Contexts.Select(c => (double)c.PromptTokens)];
        Save(
            Path.Combine(folder, Prefill), "Prefill against the prompt's length", "tokens of the prompt", "seconds of prefill", contexts,
            [new("", [.. growth.Contexts.Select(c => c.Prefill)])]);
        if (growth.Contexts.All(c => c.DecodedToken is not null))
        {
            Save(
                Path.Combine(folder, Decode), "Decode against the context's length", "tokens of the context", "milliseconds a token", contexts,
                [new("", [.. growth.Contexts.Select(c => c.DecodedToken!)], 1e3)]);
        }
    }

    /// <summary>Bars from the best to the worst round of each point.</summary>
    /// <param name="x">Where the points stand.</param>
    /// <param name="points">Their times.</param>
    /// <param name="unit">What a second is on the axis.</param>
    internal static ErrorBar Bars(double[] x, IReadOnlyCollection<Sample> points, double unit) => new(
        x,
        [.. points.Select(p => p.Median * unit)],
        xErrorsPositive: null,
        xErrorsNegative: null,
        yErrorsPositive: [.. points.Select(p => (p.Worst - p.Median) * unit)],
        yErrorsNegative: [.. points.Select(p => (p.Median - p.Best) * unit)])
    {
        CapSize = CapSize,
    };

    private sealed record Curve(string Name, Sample[] Points, double Unit = 1)
    {
        public double[] Medians => [.. Points.Select(p => p.Median * Unit)];

        public double Most => Points.Max(p => p.Worst) * Unit;
    }

    private static void Save(string path, string title, string xLabel, string yLabel, double[] x, Curve[] curves)
    {
        using var plot = new Plot();
        double margin = (0.05 * (x[^1] - x[0])) + 0.1;
        double left = x[0] - margin;
        double right = x[^1] + margin;
        for (int i = 0; i < curves.Length; i++)
        {
            Curve curve = curves[i];
            double aside = (i - ((curves.Length - 1) / 2.0)) * Apart * (right - left);
            double[] places = [.. x.Select(place => place + aside)];
            var line = plot.Add.Scatter(places, curve.Medians);
            line.LineWidth = 2;
            line.MarkerSize = 8;
            line.LegendText = curve.Name;
            ErrorBar bars = Bars(places, curve.Points, curve.Unit);
            bars.Color = line.Color;
            plot.PlottableList.Add(bars);
        }
        plot.Axes.SetLimits(left, right, 0, curves.Max(c => c.Most) * 1.12);
        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true, TickDensity = TickDensity };
        plot.Axes.Left.TickGenerator = new NumericAutomatic { TickDensity = TickDensity };
        plot.XLabel(xLabel);
        plot.YLabel(yLabel);
        plot.Title(title);
        foreach (IAxis axis in (IAxis[])[plot.Axes.Bottom, plot.Axes.Left])
        {
            axis.TickLabelStyle.FontSize = TextSize;
            axis.Label.FontSize = TextSize;
        }
        plot.Legend.FontSize = TextSize;
        if (curves.Length > 1)
            plot.ShowLegend(Alignment.UpperLeft);
        plot.SaveSvg(path + ".svg", Width, Height);
        plot.SavePng(path + ".png", Width, Height);
    }
}
