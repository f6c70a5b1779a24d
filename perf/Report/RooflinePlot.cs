using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace ChainOfSpot.Report;

/// <summary>The kernels as dots under the machine's roof, both axes logarithmic.</summary>
internal static class RooflinePlot
{
    private const int Width = 1500;
    private const int Height = 1000;
    private static readonly PixelPadding Margins = new(left: 80, right: 30, bottom: 60, top: 50);

    /// <summary>Writes roofline.svg and roofline.png to a folder.</summary>
    public static void Save(PerformanceReport report, string folder)
    {
        PlotFont.UseSystemFont();
        using var plot = new Plot();
        Draw(plot, report);
        plot.SaveSvg(Path.Combine(folder, "roofline.svg"), Width, Height);
        plot.SavePng(Path.Combine(folder, "roofline.png"), Width, Height);
    }

    private static void Draw(Plot plot, PerformanceReport report)
    {
        Measured[] kernels = [.. report.Measured.Where(m => m.Cost.Intensity > 0 && m.Group != LayerStacks.Group)];
        double left = Math.Log10(kernels.Min(m => m.Cost.Intensity)) - 0.15;
        double right = Math.Max(Math.Log10(kernels.Max(m => m.Cost.Intensity)), Math.Log10(HighestPeak(report.AllThreads.Best) / report.AllThreads.Best.ReadBytesPerSecond)) + 0.6;
        double bottom = Math.Log10(kernels.Min(m => m.OperationsPerSecond) / 1e9) - 0.3;
        double top = Math.Log10(Math.Max(kernels.Max(m => m.OperationsPerSecond), HighestPeak(report.AllThreads.Best)) / 1e9) + 0.25;

        AddRoof(plot, report.AllThreads, left, right, Colors.Black);
        AddRoof(plot, report.OneThread, left, right, Colors.Gray);
        AddPeak(plot, report.AllThreads.Best, "bf16", report.AllThreads.Best.BFloat16OperationsPerSecond, right);
        AddPeak(plot, report.AllThreads.Best, "int8", report.AllThreads.Best.Int8OperationsPerSecond, right);
        var labelled = new List<LabelledDot>();
        foreach (IGrouping<string, Measured> group in kernels.GroupBy(m => m.Group))
        {
            double[] x = [.. group.Select(m => Math.Log10(m.Cost.Intensity))];
            double[] y = [.. group.Select(m => Math.Log10(m.OperationsPerSecond / 1e9))];
            var dots = plot.Add.ScatterPoints(x, y);
            dots.MarkerSize = 8;
            dots.LegendText = group.Key;
            labelled.AddRange(group.Select((m, i) => new LabelledDot(m.Name, x[i], y[i], dots.Color)));
        }
        var limits = new AxisLimits(left, right, bottom, top);
        new DotLabels(plot, limits, new PixelSize(Width - Margins.Left - Margins.Right, Height - Margins.Top - Margins.Bottom)).Add(labelled);
        plot.Layout.Fixed(Margins);
        plot.Axes.SetLimits(limits);
        plot.Axes.Bottom.TickGenerator = Decades();
        plot.Axes.Left.TickGenerator = Decades();
        plot.Grid.MinorLineColor = Colors.Black.WithAlpha(0.05);
        plot.Grid.MinorLineWidth = 1;
        plot.XLabel("FLOP / byte");
        plot.YLabel("GFLOP / s");
        plot.Title($"{report.Shape.Name} on {report.Machine.Processor}, {report.Device}");
        plot.ShowLegend(Alignment.LowerRight);
    }

    private static void AddRoof(Plot plot, MeasuredCeilings ceilings, double left, double right, Color color)
    {
        DeviceCeilings best = ceilings.Best;
        double ridge = Math.Log10(best.Ridge);
        double peak = Math.Log10(best.MultiplyAddsPerSecond / 1e9);
        double[] intensities = [left, ridge, right];
        double[] rates = [Math.Log10(best.ReadBytesPerSecond / 1e9) + left, peak, peak];
        var line = plot.Add.ScatterLine(intensities, rates, color);
        line.LineWidth = 2;
        string threads = ceilings.Threads == 1 ? "1 thread" : $"{ceilings.Threads} threads";
        line.LegendText = $"roof, {threads}: {best.MultiplyAddsPerSecond / 1e9:0} GFLOP/s, {best.ReadBytesPerSecond / 1e9:0.0} GB/s";
    }

    private static double HighestPeak(DeviceCeilings roof) =>
        Math.Max(roof.MultiplyAddsPerSecond, Math.Max(roof.BFloat16OperationsPerSecond, roof.Int8OperationsPerSecond));

    private static void AddPeak(Plot plot, DeviceCeilings roof, string name, double operationsPerSecond, double right)
    {
        if (operationsPerSecond <= 0)
            return;
        double peak = Math.Log10(operationsPerSecond / 1e9);
        double ridge = Math.Log10(operationsPerSecond / roof.ReadBytesPerSecond);
        double fp32Ridge = Math.Log10(roof.Ridge);
        double[] intensities = [fp32Ridge, ridge, right];
        double[] rates = [Math.Log10(roof.MultiplyAddsPerSecond / 1e9), peak, peak];
        var line = plot.Add.ScatterLine(intensities, rates, Colors.Black);
        line.LineWidth = 1;
        line.LinePattern = LinePattern.Dashed;
        line.LegendText = $"{name} dot products: {operationsPerSecond / 1e9:0} GFLOP/s";
    }

    private static NumericAutomatic Decades() => new()
    {
        MinorTickGenerator = new LogMinorTickGenerator(),
        IntegerTicksOnly = true,
        LabelFormatter = decade => $"{Math.Pow(10, decade):0.###}",
    };
}
