using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>What the reference computes for the GGUF models: logits of a prompt, features of pictures, one question in two passes.</summary>
internal static class GgufGolden
{
    /// <summary>Tolerances of the reference data in fp32 (largest difference); an exact engine is far below that of the logits.</summary>
    public const float LogitTolerance = 5e-4f;
    public const float FeatureTolerance = 5e-4f;
    public const float ProjectionTolerance = 3e-4f;

    private static readonly JsonElement Prompts = Read("llm.json").GetProperty("models");

    public static TheoryData<string> Models { get; } = [.. Prompts.EnumerateObject().Select(model => model.Name)];

    public static JsonElement TwoPasses { get; } = Read("twopass.json");

    public static string Folder { get; } = Fixtures.Path("gguf");

    public static string Mmproj { get; } = Fixtures.Path("gguf", "mmproj-f16.gguf");

    public static string File(string model) => Fixtures.Path("gguf", model + ".gguf");

    public static SafetensorsFixture Tensors(string name) => new(Fixtures.Path("gguf", name + ".safetensors"));

    public static int[] PromptIds(string model) => Ids(Prompts.GetProperty(model), "prompt_ids");

    public static int[] GreedyIds(string model) => Ids(Prompts.GetProperty(model), "greedy");

    public static Picture TwoPassPicture() => Picture.Decode(Fixtures.Path("gguf", "twopass.png"));

    public static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    public static Task<ChainOfSpotEngine> LoadAsync(string model, EngineOptions? options = null) =>
        TestEngine.LoadAsync(File(model), options ?? new EngineOptions { Threads = 1 });

    private static JsonElement Read(string name) => JsonDocument.Parse(System.IO.File.ReadAllBytes(Fixtures.Path("gguf", name))).RootElement;
}
