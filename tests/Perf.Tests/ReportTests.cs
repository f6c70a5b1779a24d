using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Report;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Perf.Tests;

public sealed class ReportTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cos-report-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_quick_report_is_written_read_back_and_compared()
    {
        Assert.Equal(0, await Report.Program.RunAsync(["--quick", "--threads", "1", "--output", _folder.FullName], TextWriter.Null));
        Assert.Equal(
            ["report.json", "report.md", "roofline.png", "roofline.svg"],
            _folder.GetFiles().Select(f => f.Name).Order(StringComparer.Ordinal));

        string path = Path.Combine(_folder.FullName, "report.json");
        PerformanceReport report = PerformanceReport.FromJson(path);
        Assert.Equal(await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), report.ToJson());
        Assert.All(report.Measured, m => Assert.True(m.Seconds.Best > 0 && m.Cost.Bytes > 0, m.Name));

        Assert.False(new Comparison(report, report, threshold: 0.1).IsRegression);
        PerformanceReport slower = Scaled(report, 1.2);
        Assert.False(new Comparison(slower, report, threshold: 0.1).IsRegression);
        Comparison comparison = new(report, slower, threshold: 0.1);
        Assert.Equal(report.Measured.Count, comparison.Regressions.Count);
        Assert.All(comparison.Times, t => Assert.Equal(1.2, t.Ratio, 1e-9));
        Assert.False(new Comparison(report, slower, threshold: 0.25).IsRegression);

        var shorter = report with { Measured = [.. report.Measured.Skip(1)] };
        Assert.Equal([report.Measured[0].Name], new Comparison(report, shorter, threshold: 0.1).Missing);
        Assert.True(new Comparison(report, shorter, threshold: 0.1).IsRegression);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{ \"a\": 1 }")]
    [InlineData("{ \"taken\": \"2026-01-01T00:00:00Z\", \"machine\": null, \"device\": \"\", \"shape\": null, \"stack_layers\": 1, \"one_thread\": null, \"all_threads\": null, \"measured\": null }")]
    public void A_file_that_is_no_report_is_named(string text)
    {
        string path = Path.Combine(_folder.FullName, "other.json");
        File.WriteAllText(path, text);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => PerformanceReport.FromJson(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_report_of_other_work_is_not_compared()
    {
        var ceilings = new DeviceCeilings(1, 1);
        var report = new PerformanceReport
        {
            Taken = DateTimeOffset.UnixEpoch,
            Machine = Machine.Current,
            Device = "",
            Shape = LlavaShape.Llava7B,
            Weights = ElementType.Q4_0,
            StackLayers = 4,
            OneThread = new MeasuredCeilings(1, ceilings, ceilings),
            AllThreads = new MeasuredCeilings(2, ceilings, ceilings),
            Measured = [],
        };
        string path = Path.Combine(_folder.FullName, "report.json");
        File.WriteAllText(path, report.ToJson());
        Assert.NotNull(PerformanceReport.FromJson(path, LlavaShape.Llava7B, ElementType.Q4_0));
        foreach ((LlavaShape shape, ElementType weights) in new[] { (LlavaShape.Llava7B, ElementType.F16), (LlavaShape.Llava13B, ElementType.Q4_0) })
        {
            string message = Assert.Throws<InvalidDataException>(() => PerformanceReport.FromJson(path, shape, weights)).Message;
            Assert.StartsWith($"{path}: times of LLaVA-1.5 7B with Q4_0 weights;", message, StringComparison.Ordinal);
        }
    }

    private static PerformanceReport Scaled(PerformanceReport report, double factor) => report with
    {
        Measured = [.. report.Measured.Select(m => m with { Seconds = m.Seconds with { Best = m.Seconds.Best * factor } })],
    };
}
