using ChainOfSpot.Measurement;
using ScottPlot;

namespace ChainOfSpot.EndToEnd;

/// <summary>The results as a Markdown text and a plot.</summary>
internal static class EndToEndReport
{
    private const int Width = 900;
    private const int Height = 560;

    public static string ToMarkdown(EndToEndResult result)
    {
        var writer = new StringWriter();
        writer.WriteLine($"""
            # A question from picture to answer

            {result.Machine.Processor}, {result.Machine.LogicalCores} logical cores; {result.Device}; model {Path.GetFileName(Path.TrimEndingDirectorySeparator(result.Model))}; {result.Taken:yyyy-MM-dd HH:mm} UTC.
            {result.Jobs[0].Seconds.Count} rounds, all jobs in each; the region is given and no end token ends a pass, so that the work is the same.

            | Job | ms, median | best | worst | input tokens | cached | output | joules |
            |---|---:|---:|---:|---:|---:|---:|---:|
            """);
        foreach (JobResult job in result.Jobs)
        {
            writer.WriteLine(
                $"| {job.Name} | {Spread(job.Seconds)} | {job.InputTokens} | {job.CachedTokens} | {job.OutputTokens} | {(job.Joules is { } joules ? $"{joules.Median:0.0}" : "")} |");
        }
        foreach (JobResult job in result.Jobs)
        {
            writer.WriteLine($"\n## {char.ToUpperInvariant(job.Name[0])}{job.Name[1..]}\n\n| Stage | ms, median | best | worst | tokens | tokens/s |\n|---|---:|---:|---:|---:|---:|");
            foreach (StageResult stage in job.Stages)
                writer.WriteLine($"| {stage.Name} | {Spread(stage.Seconds)} | {stage.Tokens} | {(stage.Tokens > 0 ? $"{stage.Tokens / stage.Seconds.Median:0.0}" : "")} |");
        }
        writer.WriteLine("\n## Questions about one picture\n\n| Questions | s with reuse | s without | ratio |\n|---:|---:|---:|---:|");
        foreach (QuestionCountResult count in result.Questions)
            writer.WriteLine($"| {count.Questions} | {count.Reuse:0.000} | {count.NoReuse:0.000} | {count.NoReuse / count.Reuse:0.00} |");
        writer.WriteLine("\n![Time against questions](questions.svg)");
        writer.WriteLine("\n## Questions at once\n\n| Questions | decoded tokens/s, median | best | worst | of one |\n|---:|---:|---:|---:|---:|");
        foreach (AtOnceResult count in result.AtOnce)
        {
            Sample time = count.SecondsPerToken;
            double gain = result.AtOnce[0].SecondsPerToken.Median / time.Median;
            writer.WriteLine($"| {count.Questions} | {1 / time.Median:0.0} | {1 / time.Best:0.0} | {1 / time.Worst:0.0} | {gain:0.00} |");
        }
        if (result.Peer is { } peer)
        {
            writer.WriteLine($"""

                ## Peer

                `{peer.Command}`, its start included, in the same rounds: {peer.Seconds.Median * 1e3:0.0} ms, {peer.Ratios.Median:0.00} times the time of "{Job.Reuse}" ({peer.Ratios.Best:0.00} to {peer.Ratios.Worst:0.00}).
                """);
        }
        return writer.ToString();
    }

    /// <summary>Writes questions.svg and questions.png to a folder.</summary>
    public static void SavePlot(EndToEndResult result, string folder)
    {
        PlotFont.UseSystemFont();
        using var plot = new Plot();
        double[] questions = [.. result.Questions.Select(q => (double)q.Questions)];
        double[] reuse = [.. result.Questions.Select(q => q.Reuse)];
        double[] noReuse = [.. result.Questions.Select(q => q.NoReuse)];
        plot.Add.Scatter(questions, reuse).LegendText = Job.Reuse;
        plot.Add.Scatter(questions, noReuse).LegendText = Job.NoReuse;
        plot.Axes.SetLimits(0, questions[^1] + 0.5, 0, Math.Max(reuse[^1], noReuse[^1]) * 1.1);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.XLabel("questions about one picture");
        plot.YLabel("seconds");
        plot.Title("Time of all questions");
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SaveSvg(Path.Combine(folder, "questions.svg"), Width, Height);
        plot.SavePng(Path.Combine(folder, "questions.png"), Width, Height);
    }

    private static string Spread(Sample seconds) => $"{seconds.Median * 1e3:0.00} | {seconds.Best * 1e3:0.00} | {seconds.Worst * 1e3:0.00}";
}
