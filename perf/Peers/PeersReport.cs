using ChainOfSpot.Measurement;

namespace ChainOfSpot.PeerBench;

/// <summary>The results as a Markdown text.</summary>
internal static class PeersReport
{
    public static string ToMarkdown(PeersResult result)
    {
        var writer = new StringWriter();
        writer.WriteLine($"""
            # Beside other programs

            {result.Machine.Processor}, {result.Machine.LogicalCores} logical cores, {string.Join(", ", result.ProcessorInstructionSets)}; {Path.GetFileName(result.Model)}, {result.Threads} threads; {result.Taken:yyyy-MM-dd HH:mm} UTC.
            {result.Rounds} rounds, every program in each, each test in a process of its own: a prompt of {result.PrefillTokens} tokens, {result.DecodedTokens} tokens decoded behind {result.Depth}, and a whole process up to its first token, with the files in memory. Medians [least, most]; memory is the most that was resident, mapped files included.

            | | prefill, tokens/s | decode, tokens/s | to the first token, s | MB in prefill | MB in decode | MB at the first token |
            |---|---:|---:|---:|---:|---:|---:|
            """);
        foreach (ProgramResult p in result.Programs)
        {
            writer.WriteLine(
                $"| {p.Name} | {Rate(p.Prefill.SecondsPerToken)} | {Rate(p.Decode.SecondsPerToken)} | {Seconds(p.FirstToken.ProcessSeconds)} | {Megabytes(p.Prefill)} | {Megabytes(p.Decode)} | {Megabytes(p.FirstToken)} |");
        }
        if (result.Ratios.Count > 0)
        {
            writer.WriteLine("\nTimes as fast as the peer: ratio of the medians [least and most of the rounds].\n\n| | | prefill | decode | to the first token |\n|---|---|---:|---:|---:|");
            foreach (IGrouping<(string, string), Ratio> pair in result.Ratios.GroupBy(ratio => (ratio.Ours, ratio.Peer)))
                writer.WriteLine($"| {pair.Key.Item1} | {pair.Key.Item2} | {string.Join(" | ", pair.Select(r => $"{r.OfMedians:0.00} [{r.Least:0.00}, {r.Most:0.00}]"))} |");
        }
        writer.WriteLine("\nCommands:\n");
        foreach (ProgramResult p in result.Programs)
        {
            writer.WriteLine($"- {p.Name}{(p.Build is { } build ? $", build {build}" : "")}{(p.InstructionSet is { } set ? $", {set}" : "")}");
            foreach (TestResult test in (TestResult[])[p.Prefill, p.Decode, p.FirstToken])
                writer.WriteLine($"  - `{test.Command}`");
        }
        return writer.ToString();
    }

    private static string Rate(Sample secondsPerToken) =>
        $"{1 / secondsPerToken.Median:0.0} [{1 / secondsPerToken.Worst:0.0}, {1 / secondsPerToken.Best:0.0}]";

    private static string Seconds(Sample seconds) => $"{seconds.Median:0.00} [{seconds.Best:0.00}, {seconds.Worst:0.00}]";

    private static string Megabytes(TestResult test) => test.PeakBytes == 0 ? "" : $"{test.PeakBytes / 1e6:0}";
}
