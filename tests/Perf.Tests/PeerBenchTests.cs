using System.Globalization;
using ChainOfSpot.PeerBench;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Perf.Tests;

public sealed class PeerBenchTests
{
    private const string LlamaBench = """
        warning: of no matter
        [
          { "build_commit": "3f545bec", "cpu_info": "AMD", "n_prompt": 600, "n_gen": 0, "avg_ts": 300.5, "samples_ts": [ 300.5 ] },
          { "build_commit": "3f545bec", "cpu_info": "AMD", "n_prompt": 0, "n_gen": 16, "avg_ts": 25.0, "samples_ts": [ 25.0 ] }
        ]
        """;

    private static readonly string Model = Fixtures.Path("gguf", "llama-q4_0.gguf");

    [Fact]
    public void The_last_test_that_llama_bench_prints_counts()
    {
        Assert.Equal(new LlamaBenchLine(0, 16, 25, "AMD", "3f545bec"), LlamaBenchLine.ReadLast(LlamaBench));
        var own = new LlamaBenchLine(600, 0, 700, "AMD", InstructionSet: "AVX-512");
        Assert.Equal(own, LlamaBenchLine.ReadLast(own.ToJson()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("[1]")]
    [InlineData("""[{"n_prompt": 1, "n_gen": 0, "avg_ts": 0}]""")]
    [InlineData("| model | t/s |")]
    public void What_is_no_list_of_tests_is_refused(string printed) =>
        Assert.Throws<InvalidOperationException>(() => LlamaBenchLine.ReadLast(printed));

    [Fact]
    public async Task The_engine_measures_itself_as_llama_bench_would()
    {
        LlamaBenchLine prefill = await BenchAsync("--prompt", "30");
        Assert.Equal((30, 0), (prefill.NPrompt, prefill.NGen));
        LlamaBenchLine decode = await BenchAsync("--depth", "40", "--generate", "3", "--kv-cache", "q8");
        Assert.Equal((0, 3), (decode.NPrompt, decode.NGen));
        Assert.True(prefill.AvgTs > 0 && decode.AvgTs > 0);
        await Assert.ThrowsAsync<ArgumentException>(() => BenchAsync("--depth", "4000", "--generate", "3"));
    }

    [Fact]
    public async Task Programs_are_measured_in_rounds_and_compared()
    {
        string self = $"dotnet \"{typeof(LlamaBenchLine).Assembly.Location}\" bench --model {{model}} --threads {{threads}}";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cos-peers-");
        try
        {
            var output = new StringWriter(CultureInfo.InvariantCulture);
            string[] args =
            [
                "--model", Model, "--output", folder.FullName, "--threads", "1", "--rounds", "2", "--prefill", "20", "--depth", "30", "--tokens", "2",
                "--peer", "another", $"{self} --prompt {{prefill}}", $"{self} --depth {{depth}} --generate {{tokens}}", $"{self} --prompt 1 --no-warm-up",
            ];
            Assert.Equal(0, await PeerBench.Program.RunAsync(args, output));
            string json = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "peers.json"), TestContext.Current.CancellationToken);
            PeersResult result = PeersResult.FromJson(json);
            Assert.Equal(json, result.ToJson());
            Assert.Equal(["ours, F16 cache", "another"], result.Programs.Select(p => p.Name));
            Assert.All(result.Programs, p => Assert.Equal(2, p.Decode.SecondsPerToken.Count));
            Assert.All(result.Programs, p => Assert.True(p.FirstToken.ProcessSeconds.Best > p.Prefill.SecondsPerToken.Best));
            if (OperatingSystem.IsLinux())
                Assert.All(result.Programs, p => Assert.InRange(p.Prefill.PeakBytes, 10_000_000, 2_000_000_000));
            Assert.Equal([BenchTest.Prefill, BenchTest.Decode, BenchTest.FirstToken], result.Ratios.Select(r => r.Test));
            Assert.All(result.Ratios, r => Assert.True(r.Least <= r.OfMedians * 1.0001 || r.Most >= r.OfMedians * 0.9999));
            Assert.Contains("--prompt 20", output.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_peer_without_a_model_in_its_command_is_refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => PeerBench.Program.RunAsync(["--model", Model, "--peer", "x", "a", "b", "c"], TextWriter.Null));

    private static async Task<LlamaBenchLine> BenchAsync(params string[] args)
    {
        var output = new StringWriter(CultureInfo.InvariantCulture);
        Assert.Equal(0, await PeerBench.Program.RunAsync(["bench", "--model", Model, "--threads", "1", .. args], output));
        return LlamaBenchLine.ReadLast(output.ToString());
    }
}
