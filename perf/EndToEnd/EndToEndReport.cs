using ChainOfSpot.Measurement;

namespace ChainOfSpot.EndToEnd;

/// <summary>The results as a Markdown text.</summary>
internal sealed class EndToEndReport(EndToEndResult result, TextWriter writer)
{
    public static string ToMarkdown(EndToEndResult result)
    {
        var writer = new StringWriter();
        new EndToEndReport(result, writer).Write();
        return writer.ToString();
    }

    private void Write()
    {
        writer.WriteLine($"""
            # A question from picture to answer

            {result.Machine.Processor}, {result.Machine.LogicalCores} logical cores; {result.Device}; model {Path.GetFileName(Path.TrimEndingDirectorySeparator(result.Model))}; {result.Taken:yyyy-MM-dd HH:mm} UTC.
            {result.Jobs[0].Seconds.Count} rounds, all jobs in each, every time a picture not seen before; the region is given and no end token ends a pass, so that the work is the same.

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
        if (result.Peer is { } peer)
            WritePeer(peer);
        if (result.Growth is { } growth)
            WriteGrowth(growth);
    }

    private void WritePeer(PeerResult peer)
    {
        writer.WriteLine($"""

            ## Peer

            `{peer.Name}`, in the same rounds. A ratio is its time divided by the engine's in the same round: above 1 the engine is faster.

            | Job | | ms, median | best | worst | ratio, median | least | most |
            |---|---|---:|---:|---:|---:|---:|---:|
            """);
        foreach (PeerJobResult job in peer.Jobs)
        {
            WriteVersus(job.Job, "whole", job.Whole);
            WriteVersus(job.Job, "before the first token", job.BeforeFirstToken);
            WriteVersus(job.Job, "a decoded token", job.DecodedToken);
        }
        writer.WriteLine("\n| Job | | input tokens | cached | output |\n|---|---|---:|---:|---:|");
        foreach (PeerJobResult job in peer.Jobs)
        {
            JobResult engine = result.Jobs.Single(j => j.Name == job.Job);
            writer.WriteLine($"| {job.Job} | peer | {job.PromptTokens} | {job.CachedTokens} | {job.OutputTokens} |");
            writer.WriteLine($"| {job.Job} | engine | {engine.InputTokens} | {engine.CachedTokens} | {engine.OutputTokens} |");
        }
    }

    private void WriteVersus(string job, string what, Versus? versus)
    {
        if (versus is { } v)
            writer.WriteLine($"| {job} | {what} | {Spread(v.Seconds)} | {v.Ratios.Median:0.00} | {v.Ratios.Best:0.00} | {v.Ratios.Worst:0.00} |");
    }

    private void WriteGrowth(GrowthResult growth)
    {
        writer.WriteLine("\n## Questions about one picture\n\n| Questions | s with reuse | s without | ratio |\n|---:|---:|---:|---:|");
        foreach (QuestionCountResult count in growth.Questions)
            writer.WriteLine($"| {count.Questions} | {count.Reuse:0.000} | {count.NoReuse:0.000} | {count.NoReuse / count.Reuse:0.00} |");
        WritePlot("Time against questions", GrowthPlots.Questions);
        writer.WriteLine("\n## Pictures\n\n| Pictures | s one after the other | s at once | ratio |\n|---:|---:|---:|---:|");
        foreach (PictureCountResult count in growth.Pictures)
            writer.WriteLine($"| {count.Pictures} | {count.InTurn:0.000} | {count.AtOnce:0.000} | {count.InTurn / count.AtOnce:0.00} |");
        WritePlot("Time against pictures", GrowthPlots.Pictures);
        writer.WriteLine("\n## Context\n\n| Prompt tokens | s prefill | tokens/s | ms a decoded token |\n|---:|---:|---:|---:|");
        foreach (ContextResult context in growth.Contexts)
        {
            writer.WriteLine(
                $"| {context.PromptTokens} | {context.Prefill:0.000} | {context.PromptTokens / context.Prefill:0.0} | {context.DecodedToken * 1e3:0.00} |");
        }
        WritePlot("Prefill against context", GrowthPlots.Prefill);
        if (growth.Contexts.All(c => c.DecodedToken is not null))
            WritePlot("Decode against context", GrowthPlots.Decode);
    }

    private void WritePlot(string title, string file) => writer.WriteLine($"\n![{title}]({file}.svg)");

    private static string Spread(Sample seconds) => $"{seconds.Median * 1e3:0.00} | {seconds.Best * 1e3:0.00} | {seconds.Worst * 1e3:0.00}";
}
