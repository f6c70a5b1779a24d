using System.Text.Json;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>Which GGUF files make a model, and what is said of those that do not.</summary>
public sealed class GgufFilesTests
{
    public static TheoryData<string, string, string> HostileFiles()
    {
        TheoryData<string, string, string> cases = [];
        using var json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("hostile-gguf", "hostile.json")));
        foreach (JsonElement file in json.RootElement.GetProperty("files").EnumerateArray())
        {
            string name = file.GetProperty("file").GetString()!;
            bool isProjector = name.Contains("mmproj", StringComparison.Ordinal);
            cases.Add(isProjector ? "ok.gguf" : name, isProjector ? name : "ok-mmproj.gguf", file.GetProperty("expect").GetString()!);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(HostileFiles))]
    public async Task Every_hostile_file_does_what_its_list_demands(string model, string mmproj, string expect)
    {
        var options = new EngineOptions { Threads = 1, MmprojFile = Fixtures.Path("hostile-gguf", mmproj) };
        Exception? error = await Soon.WithinASecondAsync(async Task<Exception?> () =>
        {
            try
            {
                await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("hostile-gguf", model), options);
                return null;
            }
            catch (Exception thrown) when (thrown is ModelException or WeightFileException or InvalidDataException)
            {
                return thrown;
            }
        });
        if (expect == "loads")
            Assert.Null(error);
        else if (expect == "error")
            Assert.Contains(model == "ok.gguf" ? mmproj : model, error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_of_two_files_is_a_model_whatever_they_are_called()
    {
        using var folder = new TemporaryFolder();
        Copy(GgufGolden.File("llama-q4_0"), folder, "b.gguf");
        Copy(GgufGolden.Mmproj, folder, "a.gguf");
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(folder.Root);
        Assert.Equal((512, 56, 2), (engine.Config.Text.VocabularySize, engine.Config.Vision.ImageSize, engine.Config.Text.Layers));
        Assert.Equal(folder.Root, engine.ModelPath);
    }

    [Fact]
    public async Task A_file_without_an_extension_is_told_by_its_content()
    {
        using var folder = new TemporaryFolder();
        Copy(GgufGolden.File("llama-f16"), folder, "blob");
        var options = new EngineOptions { Threads = 1, MmprojFile = GgufGolden.Mmproj };
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Path.Combine(folder.Root, "blob"), options);
        Assert.Equal(2, engine.Config.Text.KvHeads);
        await AssertRefusedAsync(Fixtures.Path("llava", "hf-mha", "model.safetensors"), options, "does not begin with GGUF");
    }

    [Fact]
    public async Task A_file_without_a_space_before_text_is_read_so()
    {
        using var folder = new TemporaryFolder();
        WriteWithout(GgufGolden.File("llama-q4_0"), Path.Combine(folder.Root, "bare.gguf"));
        Copy(GgufGolden.Mmproj, folder, "mmproj.gguf");
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(folder.Root);
        Assert.False(engine.Tokenizer.AddsDummyPrefix);
        await using SpotImage image = await engine.OpenImageAsync(Fixtures.Path("gguf", "twopass.png"), TestContext.Current.CancellationToken);
        Answer answer = await image.AskForTestAsync("What is it?");
        Assert.NotNull(answer.Region);

        static unsafe void WriteWithout(string source, string path)
        {
            using GgufFile file = GgufFile.Open(source);
            GgufWriter writer = new();
            foreach ((string key, object value) in file.Metadata.Values)
                writer.AddMetadata(key, value);
            writer.AddMetadata("tokenizer.ggml.add_space_prefix", false);
            foreach (StoredTensor tensor in file.Tensors.Values)
            {
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, stream =>
                    stream.Write(new ReadOnlySpan<byte>((void*)tensor.Data, (int)tensor.ByteLength)));
            }
            using FileStream stream = File.Create(path);
            writer.Write(stream);
        }
    }

    [Fact]
    public async Task What_is_missing_or_there_too_often_is_named()
    {
        var options = new EngineOptions { Threads = 1 };
        await AssertRefusedAsync(GgufGolden.Folder, options, "5 of its GGUF files are a language model");
        await AssertRefusedAsync(GgufGolden.Folder, options, "llama-q4_k_m.gguf");
        await AssertRefusedAsync(GgufGolden.Mmproj, options, "'llama' was expected");
        await AssertRefusedAsync(GgufGolden.File("llama-f16"), options with { MmprojFile = GgufGolden.File("llama-f16") }, "'clip' was expected");
        await AssertRefusedAsync(GgufGolden.File("llama-f16"), options with { MmprojFile = "/no/such.gguf" }, "/no/such.gguf");
        await AssertRefusedAsync(GgufGolden.File("llama-f16"), options with { VisionTower = "/tower" }, "/tower: is no part of a GGUF model");
        await AssertRefusedAsync(Golden.Of("hf-mha").Folder, options with { MmprojFile = GgufGolden.Mmproj }, "goes with a GGUF language model");
        await AssertRefusedAsync("/no/such/model", options, "expected the folder of a LLaVA-1.5 checkpoint");
        using var folder = new TemporaryFolder();
        Copy(GgufGolden.File("llama-q4_0"), folder, "model.gguf");
        await AssertRefusedAsync(folder.Root, options, "none of its GGUF files is a vision tower with projector (mmproj)");
        Copy(Fixtures.Path("hostile-gguf", "version-99.gguf"), folder, "mmproj.gguf");
        await AssertRefusedAsync(folder.Root, options, "mmproj.gguf: is of GGUF version 99");
    }

    private static void Copy(string source, TemporaryFolder folder, string name) => folder.Write(name, File.ReadAllBytes(source));

    private static async Task AssertRefusedAsync(string model, EngineOptions options, string problem)
    {
        Exception? error = await Record.ExceptionAsync(() => TestEngine.LoadAsync(model, options));
        Assert.True(error is ModelException or WeightFileException, $"{error}");
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
