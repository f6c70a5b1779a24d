using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class ConvertCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("llava/hf-mha")]
    [InlineData("llava/hf-gqa-sharded")]
    [InlineData("llava/orig-bin")]
    [InlineData("llava/orig-safetensors-embedded-tower")]
    public async Task Converted_weights_are_identical_and_answer_the_same(string path)
    {
        string original = Fixtures.Path(path.Split('/'));
        string converted = _tool.PathOf("converted");
        await _tool.OutputOfAsync("convert", original, "--output", converted, "--shard-size", "300kB");
        Assert.True(Directory.GetFiles(converted, "*.safetensors").Length > 1);
        await _tool.OutputOfAsync("verify", original, "--against", converted, "--tolerance", "0");
        JsonElement report = await _tool.JsonOfAsync("inspect", converted);
        Assert.True(report.GetProperty("is_whole").GetBoolean());
        Assert.Equal("Hugging Face", report.GetProperty("layout").GetString());
        Assert.Equal(576, report.GetProperty("language_model").GetProperty("vocabulary_size").GetInt32());
        Assert.Equal(await AnswerAsync(original), await AnswerAsync(converted));
    }

    [Theory]
    [InlineData("llama-f16")]
    [InlineData("llama-q4_0")]
    [InlineData("llama-q4_k_m")]
    [InlineData("llama-kmix")]
    [InlineData("llama-q8_0-mha-tied")]
    public async Task Gguf_becomes_a_checkpoint_of_the_same_numbers(string name)
    {
        string original = Fixtures.Path("gguf", name + ".gguf");
        string converted = _tool.PathOf("converted");
        await _tool.OutputOfAsync("convert", original, "--output", converted, "--type", "f32");
        await _tool.OutputOfAsync("verify", original, "--against", converted, "--tolerance", "0");
        Assert.NotEmpty(await AnswerAsync(converted));
    }

    /// <summary>The reference logits were computed by another program from the same file.</summary>
    [Fact]
    public async Task A_converted_gguf_model_says_what_the_reference_says()
    {
        string converted = _tool.PathOf("converted");
        await _tool.OutputOfAsync("convert", Fixtures.Path("gguf", "llama-f16.gguf"), "--output", converted, "--type", "f32");
        JsonElement expected = JsonDocument.Parse(File.ReadAllText(Fixtures.Path("gguf", "llm.json")))
            .RootElement.GetProperty("models").GetProperty("llama-f16");
        int[] ids = [.. expected.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())];
        SafetensorsFixture golden = new(Fixtures.Path("gguf", "llm.safetensors"));
        float[] reference = golden.Floats("llama-f16.logits").ToArray();

        using ChainOfSpotEngine engine = await Tool.LoadAsync(converted);
        using Models.ForwardPass pass = new(engine);
        List<float[]> logits = await pass.LogitsAsync(ids, features: null, firstRow: 0, TestContext.Current.CancellationToken);
        Assert.Equal(ids.Length, logits.Count);
        for (int position = 0; position < ids.Length; position++)
        {
            for (int id = 0; id < 512; id++)
                Assert.Equal(reference[(position * 512) + id], logits[position][id], 2e-3);
        }
    }

    [Fact]
    public async Task Another_type_rounds_once()
    {
        string original = await _tool.RandomAsync("f32", "--type", "f32");
        string expected = await _tool.RandomAsync("f16", "--type", "f16");
        string converted = _tool.PathOf("converted");
        await _tool.OutputOfAsync("convert", original, "--output", converted, "--type", "f16");
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(expected, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(converted, "model.safetensors")));
        Assert.Contains("\"torch_dtype\": \"float16\"", File.ReadAllText(Path.Combine(converted, "config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_weight_beyond_f16_is_refused_by_name()
    {
        string folder = await _tool.RandomAsync("model", "--type", "f32");
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(^sizeof(float)), 1e5f);
        File.WriteAllBytes(path, bytes);
        string output = _tool.PathOf("out");
        (await _tool.RunAsync("convert", folder, "-o", output, "--type", "f16")).AssertFailed(1, "lm_head", "100000", "bf16");
        Assert.False(Path.Exists(output));
        await _tool.OutputOfAsync("convert", folder, "-o", output, "--type", "bf16");
    }

    [Fact]
    public async Task What_is_there_already_is_never_overwritten()
    {
        string folder = await _tool.RandomAsync("model");
        byte[] before = File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
        (await _tool.RunAsync("convert", Fixtures.Path("llava", "hf-mha"), "-o", folder)).AssertFailed(1, "is there already");
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    private static async Task<string> AnswerAsync(string folder)
    {
        await using ChainOfSpotEngine engine = await Tool.LoadAsync(folder);
        await using SpotImage image = engine.OpenImage(Picture.Decode(Fixtures.Path("gguf", "twopass.png")));
        var options = new AskOptions { MaxNewTokens = 8, IgnoreEndToken = true };
        Answer answer = await image.AskAsync("What is this?", options, TestContext.Current.CancellationToken);
        return string.Join(' ', answer.Passes.SelectMany(pass => pass.OutputIds));
    }
}
