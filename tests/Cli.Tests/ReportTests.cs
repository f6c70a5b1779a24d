using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Tests;

/// <summary>What people read, from results made up here.</summary>
public sealed class ReportTests
{
    [Fact]
    public void A_fallback_is_said_with_its_reason()
    {
        string report = Report(Result("[nowhere]", new PixelBox(0, 0, 4, 2), RegionProblem.FewerThanFourNumbers));
        Assert.Contains("No crop comes of this: it has fewer than four numbers. The second pass looked at the whole picture again.", report, StringComparison.Ordinal);
    }

    [Fact]
    public void A_region_of_padding_only_is_said()
    {
        string report = Report(Result("[0.0, 0.0, 1.0, 0.2]", new PixelBox(0, 0, 4, 0), RegionProblem.None));
        Assert.Contains("outside of the picture", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_of_a_model_cannot_command_the_terminal()
    {
        string report = Report(Result("[\e[2J\u202e]", new PixelBox(0, 0, 1, 1), RegionProblem.None, text: "a\e]0;title\a\nb"));
        Assert.DoesNotContain('\e', report);
        Assert.DoesNotContain('\u202e', report);
        Assert.Contains("a?]0;title?\n  b", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Rates_and_the_gain_of_reuse_come_from_the_run_itself()
    {
        AskResult result = Result("[0.0, 0.0, 0.5, 0.5]", new PixelBox(0, 0, 2, 1), RegionProblem.None);
        // 100 tokens in 200 ms, 40 in 100 ms: the faster rate is 500 a second, and the faster encoding took 30 ms.
        Assert.Equal(160 + 30, result.ReuseSaving.TotalMilliseconds, tolerance: 1e-6);
        string report = Report(result);
        Assert.Contains("Reuse saved about 190.0 ms: pass 2 went on behind 80 cached tokens", report, StringComparison.Ordinal);
        Assert.Matches(@"region prefill +200\.0 +100 +500\n", report);
        Assert.Matches(@"answer decode +10\.0 +2 +200\n", report);
    }

    [Fact]
    public void Colours_are_for_terminals_only()
    {
        var colored = new Terminal(new StringWriter(), new StringWriter(), Colors: true);
        Assert.Equal("\e[1mx\e[0m", colored.Bold("x"));
        Assert.Equal("x", new Terminal(new StringWriter(), new StringWriter()).Bold("x"));
    }

    [Fact]
    public void A_logit_that_is_no_number_is_null()
    {
        AskResult result = Result("[]", new PixelBox(0, 0, 1, 1), RegionProblem.EmptyBox);
        Answer answer = result.Answer with
        {
            Passes = [result.Answer.Passes[0] with { TopLogits = [new TokenLogit(7, float.PositiveInfinity), new TokenLogit(8, 1.5f)] }],
        };
        Assert.Contains("\"top_logits\":[[7,null],[8,1.5]]", CliJson.ToText(AskJson.Of(result with { Answer = answer })), StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_show_both_roofs()
    {
        var output = new StringWriter();
        var cpu = new CpuFacts("AVX2", 256, [128], 4, new DeviceCeilings(50e9, 12.34e9), new DeviceCeilings(201e9, 30e9));
        var gpus = new GpuFacts(
            [
                new GpuFound(new DeviceChoice(DeviceKind.OpenCl), "first", 24_000_000_000, IsGpu: false, Problem: null),
                new GpuFound(new DeviceChoice(DeviceKind.OpenCl, 1), "second", 8_000_000_000, IsGpu: true, "it is too old"),
            ],
            new SortedDictionary<string, string> { ["cuda"] = "no driver" });
        DevicesReport.Write(new Terminal(output, new StringWriter()), cpu, gpus);
        Assert.Contains("opencl    first, 24.0 GB", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("only --device opencl chooses it", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("cannot be used: it is too old", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("cuda      none: no driver", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("AVX2, 4 threads, vectors of 256 bits; --vector-bits 128 chooses narrower ones", output.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"multiply-add, GFLOP/s +50\.0 +201\.0\n", output.ToString());
        Assert.Matches(@"memory read, GB/s +12\.3 +30\.0\n", output.ToString());
    }

    [Fact]
    public async Task A_long_load_shows_a_bar_and_a_short_one_nothing()
    {
        var quick = new StringWriter();
        await new LoadBar(quick).ShowAsync(Task.CompletedTask);
        Assert.Equal("", quick.ToString());

        var slow = new StringWriter();
        var bar = new LoadBar(slow);
        bar.Report(new LoadProgress(1 << 20, 4 << 20));
        await bar.ShowAsync(Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken));
        Assert.Contains("Loading the model", slow.ToString(), StringComparison.Ordinal);
    }

    private static string Report(AskResult result)
    {
        var output = new StringWriter { NewLine = "\n" };
        var request = new AskRequest { Picture = "a.png", Question = result.Question, Engine = new EngineOptions(), Ask = new AskOptions() };
        new AskReport(new Terminal(output, new StringWriter())).Write(result, request);
        return output.ToString();
    }

    private static AskResult Result(string regionText, PixelBox pixels, RegionProblem problem, string text = "yes") => new()
    {
        Question = "?",
        Picture = Picture.FromRgb(4, 2, new byte[24]),
        Device = "cpu",
        Model = "model",
        LoadTime = TimeSpan.FromMilliseconds(50),
        PictureTime = TimeSpan.FromMilliseconds(5),
        TotalTime = TimeSpan.FromMilliseconds(500),
        Answer = new Answer
        {
            Probability = 0.75,
            IsTruncated = false,
            Text = text,
            Region = new AnswerRegion { Text = regionText, Normalized = Region.Full, Pixels = pixels, Problem = problem, Crop = new byte[3], CropSide = 1, Probability = 0.5, FirstTokenProbability = 0.01 },
            Passes = [Pass(PassKind.Region, prompt: 100, cached: 0), Pass(PassKind.Answer, prompt: 120, cached: 80)],
            Usage = new TokenUsage(220, 80, 6),
            Timings = new AnswerTimings
            {
                EncodeImage = TimeSpan.FromMilliseconds(60),
                FirstPrefill = TimeSpan.FromMilliseconds(200),
                FirstDecode = TimeSpan.FromMilliseconds(10),
                EncodeRegion = TimeSpan.FromMilliseconds(30),
                SecondPrefill = TimeSpan.FromMilliseconds(100),
                SecondDecode = TimeSpan.FromMilliseconds(10),
            },
        },
    };

    private static PassResult Pass(PassKind kind, int prompt, int cached) => new()
    {
        Kind = kind,
        PromptIds = [1],
        OutputIds = [5, 6, 2],
        Text = "yes",
        PromptTokens = prompt,
        CachedTokens = cached,
        TopLogits = [],
    };
}
