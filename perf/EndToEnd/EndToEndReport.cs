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

            {result.Machine.Processor}, {result.Machine.LogicalCores} logical cores; {result.Device}; model {ChainOfSpotEngine.NameOf(result.Model)}; {result.Taken:yyyy-MM-dd HH:mm} UTC.
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
        writer.WriteLine("\n## Questions at once\n\n| Questions | decoded tokens/s, median | best | worst | of one |\n|---:|---:|---:|---:|---:|");
        foreach (AtOnceResult count in result.AtOnce)
        {
            Sample time = count.SecondsPerToken;
            double gain = result.AtOnce[0].SecondsPerToken.Median / time.Median;
            writer.WriteLine($"| {count.Questions} | {1 / time.Median:0.0} | {1 / time.Best:0.0} | {1 / time.Worst:0.0} | {gain:0.00} |");
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
            writer.WriteLine(job.PromptTokens + job.OutputTokens > 0
                ? $"| {job.Job} | peer | {job.PromptTokens} | {job.CachedTokens} | {job.OutputTokens} |"
                : $"| {job.Job} | peer (tells none) | | | |");
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
        writer.WriteLine("""

            Below, every point is the median over the rounds, best and worst beside it; the bars of the plots go from the one to the other.

            ## Questions about one picture

            | Questions | s with reuse | best | worst | s without | best | worst | ratio |
            |---:|---:|---:|---:|---:|---:|---:|---:|
            """);
        foreach (QuestionCountResult count in growth.Questions)
            writer.WriteLine($"| {count.Questions} | {Seconds(count.Reuse)} | {Seconds(count.NoReuse)} | {count.NoReuse.Median / count.Reuse.Median:0.00} |");
        WritePlot("Time against questions", GrowthPlots.Questions);
        writer.WriteLine("""

            ## Pictures

            | Pictures | s one after the other | best | worst | s at once | best | worst | ratio |
            |---:|---:|---:|---:|---:|---:|---:|---:|
            """);
        foreach (PictureCountResult count in growth.Pictures)
            writer.WriteLine($"| {count.Pictures} | {Seconds(count.InTurn)} | {Seconds(count.AtOnce)} | {count.InTurn.Median / count.AtOnce.Median:0.00} |");
        WritePlot("Time against pictures", GrowthPlots.Pictures);
        writer.WriteLine("""

            ## Context

            | Prompt tokens | s prefill | best | worst | tokens/s | ms a decoded token | best | worst |
            |---:|---:|---:|---:|---:|---:|---:|---:|
            """);
        foreach (ContextResult context in growth.Contexts)
        {
            string decoded = context.DecodedToken is { } token ? Spread(token) : " | | ";
            writer.WriteLine(
                $"| {context.PromptTokens} | {Seconds(context.Prefill)} | {context.PromptTokens / context.Prefill.Median:0.0} | {decoded} |");
        }
        WritePlot("Prefill against context", GrowthPlots.Prefill);
        if (growth.Contexts.All(c => c.DecodedToken is not null))
            WritePlot("Decode against context", GrowthPlots.Decode);
    }

    private void WritePlot(string title, string file) => writer.WriteLine($"\n![{title}]({file}.svg)");

    private static string Seconds(Sample seconds) => $"{seconds.Median:0.000} | {seconds.Best:0.000} | {seconds.Worst:0.000}";

    private static string Spread(Sample seconds) => $"{seconds.Median * 1e3:0.00} | {seconds.Best * 1e3:0.00} | {seconds.Worst * 1e3:0.00}";
}
