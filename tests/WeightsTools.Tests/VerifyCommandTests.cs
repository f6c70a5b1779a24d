using System.Security.Cryptography;
using System.Text.Json;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class VerifyCommandTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Hashes_are_those_of_the_files()
    {
        JsonElement report = await _tool.JsonOfAsync("verify", Fixtures.Path("llava", "hf-mha"));
        JsonElement file = Assert.Single(report.GetProperty("files").EnumerateArray());
        byte[] bytes = File.ReadAllBytes(Fixtures.Path("llava", "hf-mha", "model.safetensors"));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), file.GetProperty("sha256").GetString());
        Assert.Equal(bytes.Length, file.GetProperty("bytes").GetInt64());
    }

    [Fact]
    public async Task The_same_weights_in_two_layouts_are_identical()
    {
        string output = await _tool.OutputOfAsync(
            "verify", Fixtures.Path("llava", "hf-mha"), "--against", Fixtures.Path("llava", "orig-bin"), "--tolerance", "0");
        Assert.Contains("105 tensors are identical, 0 differ.", output, StringComparison.Ordinal);
        Assert.Contains("576 rows here and 512 there", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_weight_that_is_no_number_is_found()
    {
        string folder = await _tool.RandomAsync("model", "--type", "f32");
        Overwrite(folder, float.NaN);
        ToolResult result = await _tool.RunAsync("verify", folder);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("1 of ", result.Output, StringComparison.Ordinal);
        (await _tool.RunAsync("quantize", folder, "--type", "q4_0", "-o", _tool.PathOf("out"))).AssertFailed(1, "NaN", "lm_head");
        Assert.False(Path.Exists(_tool.PathOf("out")));
    }

    [Theory]
    [InlineData("--tolerance", "0.1")]
    [InlineData("--tolerance", "-1", "--against")]
    [InlineData("--tolerance", "NaN", "--against")]
    public async Task A_tolerance_is_a_distance_from_a_second_checkpoint(params string[] options)
    {
        string model = Fixtures.Path("llava", "hf-mha");
        string[] against = options.Contains("--against") ? [.. options, model] : options;
        (await _tool.RunAsync(["verify", model, .. against])).AssertFailed(2, "--tolerance", "--against");
    }

    [Fact]
    public async Task A_changed_weight_is_measured()
    {
        string first = await _tool.RandomAsync("first", "--type", "f32");
        string second = await _tool.RandomAsync("second", "--type", "f32");
        float before = Overwrite(second, 5);
        JsonElement report = await _tool.JsonOfAsync("verify", first, "--against", second);
        foreach (JsonElement tensor in report.GetProperty("compared").EnumerateArray())
        {
            double expected = tensor.GetProperty("name").GetString() == "language_model.lm_head.weight" ? 5.0 - before : 0;
            Assert.Equal(expected, tensor.GetProperty("max_abs").GetDouble());
        }
        Assert.Equal(0, (await _tool.RunAsync("verify", first, "--against", second, "--tolerance", "6")).ExitCode);
        Assert.Equal(1, (await _tool.RunAsync("verify", first, "--against", second, "--tolerance", "1")).ExitCode);
    }

    [Fact]
    public async Task Two_models_of_different_shape_are_refused()
    {
        string first = await _tool.RandomAsync("first");
        string second = await _tool.RandomAsync("second", "--hidden", "128");
        (await _tool.RunAsync("verify", first, "--against", second)).AssertFailed(1, "two models");
    }

    /// <summary>Replaces the last weight of the file, which is one of the head.</summary>
    private static float Overwrite(string folder, float value)
    {
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        float before = BitConverter.ToSingle(bytes, bytes.Length - sizeof(float));
        BitConverter.TryWriteBytes(bytes.AsSpan(^sizeof(float)), value);
        File.WriteAllBytes(path, bytes);
        return before;
    }
}
