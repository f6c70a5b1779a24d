using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class RandomCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_random_model_is_whole_and_answers()
    {
        string folder = await _tool.RandomAsync("tiny");
        Assert.True((await _tool.JsonOfAsync("inspect", folder)).GetProperty("is_whole").GetBoolean());
        Assert.Equal(0, (await _tool.RunAsync("verify", folder)).ExitCode);

        await using ChainOfSpotEngine engine = await Tool.LoadAsync(folder);
        await using SpotImage image = engine.OpenImage(Picture.Decode(Fixtures.Path("gguf", "twopass.png")));
        var options = new AskOptions { MaxNewTokens = 6, IgnoreEndToken = true, TopLogits = 100_000 };
        Answer answer = await image.AskAsync("What is this?", options, TestContext.Current.CancellationToken);
        Assert.Equal(2, answer.Passes.Count);
        foreach (PassResult pass in answer.Passes)
        {
            Assert.Equal(6, pass.OutputIds.Count);
            Assert.All(pass.TopLogits, logit => Assert.True(float.IsFinite(logit.Value)));
            // The scales are made for a standard deviation of 2.
            double mean = pass.TopLogits.Average(logit => (double)logit.Value);
            double spread = Math.Sqrt(pass.TopLogits.Average(logit => Math.Pow(logit.Value - mean, 2)));
            Assert.InRange(spread, 1.3, 3);
        }
    }

    [Theory]
    [InlineData("hf", "f32")]
    [InlineData("hf", "bf16")]
    [InlineData("gguf", "q4_k_m")]
    public async Task A_seed_gives_the_same_bytes_and_another_seed_others(string format, string type)
    {
        string[] options = ["--format", format, format == "hf" ? "--type" : "--quant", type];
        string first = await _tool.RandomAsync("a/model", options);
        string second = await _tool.RandomAsync("b/model", options);
        string other = await _tool.RandomAsync("c/model", [.. options, "--seed", "2"]);
        string[] files = [.. Directory.GetFiles(first).Select(file => Path.GetFileName(file)!)];
        Assert.NotEmpty(files);
        foreach (string file in files)
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(Path.Combine(second, file)));
        string weights = files.Single(file => file.EndsWith(format == "hf" ? ".safetensors" : $"{type}.gguf", StringComparison.Ordinal));
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(first, weights)), File.ReadAllBytes(Path.Combine(other, weights)));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_floats_in_every_format()
    {
        string[] shape = ["--kv-heads", "2"];
        string hf = await _tool.RandomAsync("hf", [.. shape, "--type", "f32"]);
        string gguf = await _tool.RandomAsync("gguf", [.. shape, "--format", "gguf", "--quant", "f32"]);
        ToolResult text = await _tool.RunAsync("verify", gguf, "--against", hf, "--tolerance", "0.001");
        Assert.True(text.ExitCode == 0, text.Output);
        // Only what the mmproj file stores as F16 is rounded.
        Assert.DoesNotContain("language_model", text.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("q4_0")]
    [InlineData("q8_0")]
    [InlineData("q4_k_m")]
    [InlineData("q2_k")]
    public async Task Quantised_random_models_can_be_read(string quant)
    {
        string folder = await _tool.RandomAsync("model", "--format", "gguf", "--quant", quant);
        using GgufFile language = GgufFile.Open(Path.Combine(folder, $"model-{quant}.gguf"));
        using GgufFile projector = GgufFile.Open(Path.Combine(folder, "mmproj-model-f16.gguf"));
        GgufLlama llama = GgufLlama.Read(language);
        GgufClip.Read(projector).RequireMatch(llama);
        Assert.Equal(576, llama.Vocabulary.Pieces.Count);
        Assert.Equal("<image>", llama.Vocabulary.Pieces[512]);
        float[] gate = llama.Blocks[0].Gate.ToFloats();
        double rms = Math.Sqrt(gate.Average(w => (double)w * w));
        Assert.InRange(rms * Math.Sqrt(llama.Width), 0.95, 1.05);
    }

    [Fact]
    public async Task Every_size_can_be_named()
    {
        string folder = await _tool.RandomAsync(
            "own", "--hidden", "96", "--intermediate", "160", "--layers", "3", "--heads", "6", "--kv-heads", "3", "--vocabulary", "700",
            "--context", "300", "--vision-hidden", "48", "--vision-intermediate", "80", "--vision-layers", "4", "--vision-heads", "3",
            "--image-size", "42", "--patch-size", "14", "--shard-size", "200kB");
        var report = await _tool.JsonOfAsync("inspect", folder);
        Assert.True(report.GetProperty("is_whole").GetBoolean());
        Assert.Equal(
            [96, 160, 3, 6, 3, 16, 300, 704],
            Sizes("language_model", "hidden_size intermediate_size layers heads kv_heads head_dim max_positions vocabulary_size"));
        Assert.Equal(
            [48, 80, 4, 3, 3, 42, 14],
            Sizes("vision_tower", "hidden_size intermediate_size layers feature_layers heads image_size patch_size"));
        Assert.Equal(700, report.GetProperty("vocabulary").GetProperty("pieces").GetInt32());
        Assert.True(Directory.GetFiles(folder, "model-*.safetensors").Length > 3);

        IEnumerable<int> Sizes(string part, string keys) =>
            keys.Split(' ').Select(key => report.GetProperty(part).GetProperty(key).GetInt32());
    }

    [Theory]
    [InlineData("--shape", "llava-2")]
    [InlineData("--type", "q4_0")]
    [InlineData("--format", "onnx")]
    [InlineData("--heads", "3")]
    [InlineData("--kv-heads", "3")]
    [InlineData("--vocabulary", "300")]
    [InlineData("--layers", "0")]
    [InlineData("--layers", "many")]
    [InlineData("--patch-size", "15")]
    [InlineData("--shard-size", "large")]
    [InlineData("--bogus", "1")]
    public async Task Impossible_models_are_refused(string option, string value)
    {
        ToolResult result = await _tool.RunAsync("random", "--output", _tool.PathOf("x"), option, value);
        result.AssertFailed(2);
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
    }
}
