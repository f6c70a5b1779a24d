using ChainOfSpot.EndToEnd;
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
                "--threads", "1", "--rounds", "1", "--tokens", "2", "--questions", "2", "--peer", "true {image} \"{question}\"",
            ];
            Assert.Equal(0, await EndToEnd.Program.RunAsync(args, TextWriter.Null));
            string json = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "end-to-end.json"), TestContext.Current.CancellationToken);
            EndToEndResult result = EndToEndResult.FromJson(json);
            Assert.Equal(json, result.ToJson());
            Assert.Equal(["with reuse", "without reuse", "second question", "direct"], result.Jobs.Select(j => j.Name));
            Assert.Equal(0, result.Jobs[1].CachedTokens);
            Assert.True(result.Jobs[2].CachedTokens > result.Jobs[0].CachedTokens);
            Assert.Equal(result.Jobs[0].InputTokens, result.Jobs[1].InputTokens);
            Assert.Equal(2, result.Questions.Count);
            Assert.Equal([1, 2, 4, 8, 16], result.AtOnce.Select(count => count.Questions));
            Assert.True(result.Peer!.Ratios.Median > 0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_peer_command_keeps_quoted_words_together()
    {
        var peer = new Peer("run --image={image} -p \"{question} Answer shortly.\" \"\"");
        Assert.Equal(["run", "--image=a b.png", "-p", "Why? Answer shortly.", ""], peer.Words("a b.png", "Why?"));
        Assert.Throws<ArgumentException>(() => new Peer("run it"));
    }
}
