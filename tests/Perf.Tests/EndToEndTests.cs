using ChainOfSpot.EndToEnd;
using ChainOfSpot.Images;
using ChainOfSpot.Measurement;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Perf.Tests;

public sealed class EndToEndTests
{
    [Fact]
    public async Task All_jobs_run_on_the_tiny_model()
    {
        string model = Path.Combine(Fixtures.Repository, "models", "spot-tiny");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cos-end-to-end-");
        try
        {
            string[] args =
            [
                "--model", model, "--picture", Path.Combine(model, "samples", "shapes-1.png"), "--output", folder.FullName,
                "--threads", "1", "--rounds", "2", "--tokens", "2", "--points", "2", "--peer", "true {image} \"{question}\"",
            ];
            Assert.Equal(0, await EndToEnd.Program.RunAsync(args, TextWriter.Null));
            string json = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "end-to-end.json"), TestContext.Current.CancellationToken);
            EndToEndResult result = EndToEndResult.FromJson(json);
            Assert.Equal(json, result.ToJson());
            Assert.Equal(["with reuse", "without reuse", "second question", "direct"], result.Jobs.Select(j => j.Name));
            Assert.Equal(0, result.Jobs[1].CachedTokens);
            Assert.True(result.Jobs[2].CachedTokens > result.Jobs[0].CachedTokens);
            Assert.Equal(result.Jobs[0].InputTokens, result.Jobs[1].InputTokens);
            Assert.Equal([1, 2, 4, 8, 16], result.AtOnce.Select(count => count.Questions));
            Assert.Equal([1, 2], result.Growth!.Questions.Select(q => q.Questions));
            Assert.Equal([1, 2], result.Growth.Pictures.Select(p => p.Pictures));
            Assert.Equal(result.Jobs[3].InputTokens, result.Growth.Contexts[0].PromptTokens);
            Assert.InRange(result.Growth.Contexts[1].PromptTokens, 1000, 1024 - 2);
            Assert.All(result.Growth.Contexts, c => Assert.Equal((2, 2), (c.Prefill.Count, c.DecodedToken!.Count)));
            Assert.All(result.Growth.Pictures, p => Assert.True(p.AtOnce.Best <= p.AtOnce.Median && p.AtOnce.Median <= p.AtOnce.Worst));
            Assert.Equal(["direct"], result.Peer!.Jobs.Select(j => j.Job));
            Assert.True(result.Peer.Jobs[0].Whole.Ratios.Median > 0);
            Assert.Null(result.Peer.Jobs[0].BeforeFirstToken);
            string[] plots = ["context-decode", "context-prefill", "pictures", "questions"];
            Assert.Equal(
                ["end-to-end.json", "end-to-end.md", .. plots.SelectMany(p => (string[])[$"{p}.png", $"{p}.svg"])],
                folder.GetFiles().Select(f => f.Name).Order(StringComparer.Ordinal).OrderBy(f => f.StartsWith("end", StringComparison.Ordinal) ? 0 : 1));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Bars_of_the_plots_go_from_the_best_to_the_worst_round()
    {
        var bars = GrowthPlots.Bars([1, 2], [new Sample(Best: 13, Median: 16, Worst: 29, Count: 5), new Sample(1, 2, 2, 5)], unit: 2);
        Assert.Equal([26, 2], bars.Ys.Zip(bars.YErrorNegative!, (median, down) => median - down));
        Assert.Equal([58, 4], bars.Ys.Zip(bars.YErrorPositive!, (median, up) => median + up));
    }

    [Fact]
    public void Fresh_pictures_differ_however_many_ask_for_one_at_once()
    {
        var pictures = new FreshPictures(Picture.FromRgb(2, 1, new byte[6]));
        PixelHash[] hashes = [.. ParallelEnumerable.Range(0, 10_000).Select(_ => pictures.Next().Hash)];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Fact]
    public void Each_question_about_a_picture_looks_elsewhere()
    {
        Job job = Job.Reuse(newTokens: 1);
        Assert.Equal(job.Ask, job.AskOther(0));
        string[] regions = [.. Enumerable.Range(0, 25).Select(question => job.AskOther(question).RegionText!)];
        Assert.Equal(regions.Length, regions.Distinct().Count());
        Assert.Equal("[0.49, 0.49, 0.99, 0.99]", regions[^1]);
    }
}
