using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class QuantizeCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public static TheoryData<string> Types => [.. QuantizationMix.All.Select(mix => mix.Name)];

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("q4_0", "Q4_0")]
    [InlineData("q4_1", "Q4_1")]
    [InlineData("q5_0", "Q5_0")]
    [InlineData("q5_1", "Q5_1")]
    [InlineData("q8_0", "Q8_0")]
    public async Task Blocks_are_those_of_the_reference_byte_for_byte(string type, string fixture)
    {
        // The reference's input is 96 rows of 32 weights: here, the gate of a model of that shape.
        SafetensorsFixture blocks = new(Fixtures.Path("gguf", "blocks.safetensors"));
        string folder = await _tool.RandomAsync(
            "model", "--type", "f32", "--hidden", "32", "--intermediate", "96", "--heads", "2", "--layers", "1");
        Replace(folder, "language_model.model.layers.0.mlp.gate_proj.weight", blocks.Bytes("quantise.input"));
        await _tool.OutputOfAsync("quantize", folder, "--type", type, "--output", _tool.PathOf("out"));
        using GgufFile file = GgufFile.Open(_tool.PathOf("out", $"out-{type}.gguf"));
        StoredTensor gate = file.Tensors["blk.0.ffn_gate.weight"];
        Assert.Equal(blocks.Bytes($"quantise.{fixture}.raw").ToArray(), BytesOf(gate));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Every_type_gives_a_model_that_can_be_read_and_is_near(string type)
    {
        string folder = await _tool.RandomAsync("model", "--layers", "9", "--kv-heads", "2");
        string output = _tool.PathOf("out");
        JsonElement errors = await _tool.JsonOfAsync("quantize", folder, "--type", type, "--output", output);
        foreach (JsonElement tensor in errors.EnumerateArray())
        {
            double rmse = tensor.GetProperty("rmse").GetDouble();
            Assert.True(rmse <= tensor.GetProperty("plain_rmse").GetDouble() * (1 + 1e-9), tensor.ToString());
            Assert.InRange(rmse / tensor.GetProperty("rms").GetDouble(), 0.001, 0.35);
        }
        using GgufFile language = GgufFile.Open(Path.Combine(output, $"out-{type}.gguf"));
        using GgufFile projector = GgufFile.Open(Path.Combine(output, "mmproj-out-f16.gguf"));
        GgufLlama llama = GgufLlama.Read(language);
        GgufClip.Read(projector).RequireMatch(llama);
        Assert.Equal(errors.GetArrayLength(), language.Tensors.Values.Count(tensor => tensor.Type.IsQuantized()));

        // The rows of queries and keys have to be where they came from: one in the wrong place is off by more than its size.
        JsonElement compared = (await _tool.JsonOfAsync("verify", folder, "--against", output)).GetProperty("compared");
        foreach (JsonElement tensor in compared.EnumerateArray())
        {
            if (tensor.GetProperty("name").GetString()!.Contains("_proj", StringComparison.Ordinal))
                Assert.InRange(tensor.GetProperty("max_abs").GetDouble(), 0, 0.1);
        }
    }

    [Fact]
    public async Task The_usual_mix_spends_more_bits_where_llama_cpp_does()
    {
        string folder = await _tool.RandomAsync("model", "--layers", "16");
        await _tool.OutputOfAsync("quantize", folder, "--type", "q4_k_m", "--output", _tool.PathOf("out"), "--text-only");
        Assert.Single(Directory.GetFiles(_tool.PathOf("out")));
        using GgufFile file = GgufFile.Open(_tool.PathOf("out", "out-q4_k_m.gguf"));
        int[] large = [.. Enumerable.Range(0, 16).Where(block => file.Tensors[$"blk.{block}.ffn_down.weight"].Type == ElementType.Q6_K)];
        Assert.Equal([0, 1, 4, 7, 10, 13, 14, 15], large);
        Assert.Equal(large, Enumerable.Range(0, 16).Where(block => file.Tensors[$"blk.{block}.attn_v.weight"].Type == ElementType.Q6_K));
        Assert.Equal(ElementType.Q6_K, file.Tensors["output.weight"].Type);
        Assert.Equal(ElementType.Q4_K, file.Tensors["token_embd.weight"].Type);
        Assert.Equal(15u, file.Metadata.Values["general.file_type"]);
    }

    [Fact]
    public async Task There_and_back_changes_nothing()
    {
        string original = await _tool.RandomAsync("original", "--kv-heads", "2");
        string gguf = _tool.PathOf("gguf");
        string back = _tool.PathOf("back");
        await _tool.OutputOfAsync("quantize", original, "--type", "f16", "--output", gguf);
        await _tool.OutputOfAsync("convert", gguf, "--output", back, "--type", "f16");
        // The tower's last layer, which is never run, is not in the file.
        await _tool.OutputOfAsync("verify", back, "--against", original, "--tolerance", "0");
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(original, "tokenizer.model")), File.ReadAllBytes(Path.Combine(back, "tokenizer.model")));
    }

    [Theory]
    [InlineData("llama-f16")]
    [InlineData("llama-q8_0-mha-tied")]
    public async Task Gguf_can_be_the_source(string name)
    {
        string source = Fixtures.Path("gguf", name + ".gguf");
        string output = _tool.PathOf("out");
        await _tool.OutputOfAsync("quantize", source, "--type", "q8_0", "--output", output);
        ToolResult result = await _tool.RunAsync("verify", source, "--against", output, "--tolerance", "0.05");
        Assert.True(result.ExitCode == 0, result.Output);
    }

    [Fact]
    public async Task An_unknown_type_is_refused()
    {
        ToolResult result = await _tool.RunAsync("quantize", Fixtures.Path("llava", "hf-mha"), "--type", "q9", "-o", _tool.PathOf("x"));
        result.AssertFailed(2, "q9", "q4_k_m");
    }

    private static unsafe byte[] BytesOf(StoredTensor tensor) =>
        new ReadOnlySpan<byte>((void*)tensor.Data, (int)tensor.ByteLength).ToArray();

    private static void Replace(string folder, string name, ReadOnlySpan<byte> data)
    {
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        int headerLength = (int)BitConverter.ToInt64(bytes);
        JsonElement offsets = JsonDocument.Parse(bytes.AsMemory(8, headerLength)).RootElement.GetProperty(name).GetProperty("data_offsets");
        Assert.Equal(data.Length, offsets[1].GetInt32() - offsets[0].GetInt32());
        data.CopyTo(bytes.AsSpan(8 + headerLength + offsets[0].GetInt32()));
        File.WriteAllBytes(path, bytes);
    }
}
