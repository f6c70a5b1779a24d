using System.Text.Json;
using ChainOfSpot.TestSupport;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary>The tool with models in GGUF files.</summary>
public sealed class GgufTests
{
    private static readonly string Mmproj = Fixtures.Path("gguf", "mmproj-f16.gguf");

    public static TheoryData<string, string> HostileFiles()
    {
        TheoryData<string, string> cases = [];
        using var json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("hostile-gguf", "hostile.json")));
        foreach (JsonElement file in json.RootElement.GetProperty("files").EnumerateArray())
        {
            if (file.GetProperty("expect").GetString() != "error")
                continue;
            string name = file.GetProperty("file").GetString()!;
            bool isProjector = name.Contains("mmproj", StringComparison.Ordinal);
            cases.Add(isProjector ? "ok.gguf" : name, isProjector ? name : "ok-mmproj.gguf");
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(HostileFiles))]
    public async Task A_hostile_file_is_one_line_within_a_second(string model, string mmproj)
    {
        CosOutput output = await Soon.WithinASecondAsync(() => OfAsync(
            "ask", Shapes, Question, "--model", Fixtures.Path("hostile-gguf", model), "--mmproj", Fixtures.Path("hostile-gguf", mmproj)));
        output.AssertFailed(1, Fixtures.Path("hostile-gguf", model == "ok.gguf" ? mmproj : model));
    }

    [Theory]
    [InlineData("llama-q4_k_m.gguf")]
    [InlineData("llama-q8_0-mha-tied.gguf")]
    public async Task A_model_in_two_files_answers(string file)
    {
        string model = Fixtures.Path("gguf", file);
        CosOutput found = await OfAsync("ask", Shapes, "What?", "--model", model, "--max-tokens", "3", "--ignore-eos", "--json");
        CosOutput named = await OfAsync("ask", Shapes, "What?", "-m", model, "--mmproj", Mmproj, "--max-tokens", "3", "--ignore-eos", "--json");
        Assert.Equal((0, 0), (found.ExitCode, named.ExitCode));
        Assert.NotEmpty(found.Json.GetProperty("answer").GetString()!);
        Assert.Equal(found.Json.GetProperty("answer").GetString(), named.Json.GetProperty("answer").GetString());
    }

    [Fact]
    public async Task A_model_in_two_files_can_be_profiled()
    {
        CosOutput output = await OfAsync(
            "profile", Shapes, "What?", "--model", Fixtures.Path("gguf", "llama-q4_0.gguf"), "--mmproj", Mmproj, "--max-tokens", "2");
        Assert.Equal((0, ""), (output.ExitCode, output.Error));
    }
}
