using System.Text.Json;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class InspectCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("llava/hf-mha", "Hugging Face", 105, 0)]
    [InlineData("llava/hf-gqa-sharded", "Hugging Face", 121, 0)]
    [InlineData("llava/orig-bin", "original LLaVA", 105, 11)]
    [InlineData("llava/orig-safetensors-embedded-tower", "original LLaVA", 80, 0)]
    [InlineData("gguf/llama-q4_k_m.gguf", "GGUF", 78, 0)]
    public async Task Every_layout_is_whole(string path, string layout, int tensors, int leftOver)
    {
        JsonElement report = await _tool.JsonOfAsync("inspect", Fixtures.Path(path.Split('/')));
        Assert.Equal(layout, report.GetProperty("layout").GetString());
        Assert.True(report.GetProperty("is_whole").GetBoolean());
        Assert.Equal(tensors, report.GetProperty("tensors").GetArrayLength());
        Assert.Equal(leftOver, report.GetProperty("left_over").GetArrayLength());
        Assert.Equal(0, report.GetProperty("missing").GetArrayLength());
        Assert.Equal(512, report.GetProperty("vocabulary").GetProperty("pieces").GetInt32());
        string table = await _tool.OutputOfAsync("inspect", Fixtures.Path(path.Split('/')));
        Assert.Contains("language_model.model.layers.*.mlp.up_proj.weight", table, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        string whole = await _tool.RandomAsync("whole", "--shard-size", "100kB");
        string index = Path.Combine(whole, "model.safetensors.index.json");
        JsonElement map = JsonDocument.Parse(File.ReadAllText(index)).RootElement.GetProperty("weight_map");
        const string Lost = "language_model.model.layers.1.mlp.up_proj.weight";
        string shard = map.GetProperty(Lost).GetString()!;
        string[] lost = [.. map.EnumerateObject().Where(entry => entry.Value.GetString() == shard).Select(entry => entry.Name)];
        File.Delete(Path.Combine(whole, shard));
        File.Delete(index);

        JsonElement report = await _tool.JsonOfAsync("inspect", whole);
        Assert.False(report.GetProperty("is_whole").GetBoolean());
        Assert.Equal(lost, report.GetProperty("missing").EnumerateArray().Select(name => name.GetString()!));
        Assert.Contains(Lost, lost);
        (await _tool.RunAsync("convert", whole, "-o", _tool.PathOf("out"))).AssertFailed(1, "lacks", lost[0]);
    }

    [Theory]
    [InlineData("missing-ffn-up.gguf", "blk.0.ffn_up.weight")]
    [InlineData("embedding-mismatch.gguf", "llama.rope.dimension_count")]
    public async Task A_gguf_file_that_contradicts_itself_is_shown_with_its_problem(string file, string problem)
    {
        // Alone, so that no neighbour is taken for its projector.
        File.Copy(Fixtures.Path("hostile-gguf", file), _tool.PathOf(file));
        JsonElement report = await _tool.JsonOfAsync("inspect", _tool.PathOf(file));
        Assert.False(report.GetProperty("is_whole").GetBoolean());
        Assert.Contains(problem, Assert.Single(report.GetProperty("problems").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.NotEqual(0, report.GetProperty("left_over").GetArrayLength());
    }

    [Fact]
    public async Task A_single_weight_file_lists_its_tensors()
    {
        JsonElement report = await _tool.JsonOfAsync("inspect", Fixtures.Path("llava", "clip-vit-tiny-patch14-56", "pytorch_model.bin"));
        Assert.Contains(
            "vision_model.pre_layrnorm.weight",
            report.GetProperty("left_over").EnumerateArray().Select(tensor => tensor.GetProperty("name").GetString()));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("language_model").ValueKind);
    }

    [Theory]
    [InlineData("hostile/truncated.safetensors")]
    [InlineData("hostile/evil.bin")]
    [InlineData("hostile-gguf/truncated-header.gguf")]
    [InlineData("hostile-gguf/bad-magic.gguf")]
    [InlineData("hostile/nothing-here")]
    [InlineData("spot-tiny")]
    public async Task What_cannot_be_read_gives_one_line(string path) =>
        (await _tool.RunAsync("inspect", Fixtures.Path(path.Split('/')))).AssertFailed(1, Path.GetFileName(path));

    [Fact]
    public async Task Help_teaches_by_examples()
    {
        Assert.Contains("Examples:", await _tool.OutputOfAsync("--help"), StringComparison.Ordinal);
        foreach (string command in (string[])["inspect", "verify", "convert", "quantize", "compare", "random"])
        {
            string examples = (await _tool.OutputOfAsync(command, "--help")).Split("Examples:")[1];
            Assert.Contains($"cos-weights {command} ", examples, StringComparison.Ordinal);
        }
    }
}
