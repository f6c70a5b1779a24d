using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>GGUF models against the reference, which computes in fp32 with the dequantised weights.</summary>
public sealed class GgufParityTests
{
    private static readonly string[] Passes = ["pass1", "pass2"];

    public static MatrixTheoryData<string, int> ModelsAndVectorBits { get; } = new(
        GgufGolden.Models.Select(row => row.Data), ((int[])[128, 256, 512]).Where(bits => bits <= CpuDevice.WidestVectorBits));

    [Theory]
    [MemberData(nameof(ModelsAndVectorBits))]
    public async Task Logits_at_every_position_and_greedy_tokens_equal_the_reference(string model, int vectorBits)
    {
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync(model, new EngineOptions { Threads = 1, VectorBits = vectorBits });
        int[] prompt = GgufGolden.PromptIds(model);
        int[] greedy = GgufGolden.GreedyIds(model);
        var rows = new PromptRows([.. prompt, .. greedy], patches: 0);
        float[] logits = await engine.LogitsAsync(rows, split: 640);
        ReadOnlySpan<float> expected = GgufGolden.Tensors("llm").Floats(model + ".logits");
        Golden.AssertClose(expected, logits.AsSpan(0, expected.Length), GgufGolden.LogitTolerance, model);
        int vocabulary = engine.Config.Text.VocabularySize;
        for (int i = 0; i < greedy.Length; i++)
            Assert.Equal(greedy[i], IndexOfLargest(logits.AsSpan((prompt.Length - 1 + i) * vocabulary, vocabulary)));

        // Token by token the matrices are read in another way.
        Assert.Equal(TestEngine.Bits(logits), TestEngine.Bits(await engine.LogitsAsync(rows, split: 1)));
    }

    [Theory]
    [MemberData(nameof(GgufGolden.Models), MemberType = typeof(GgufGolden))]
    public async Task The_number_of_threads_changes_no_bit(string model)
    {
        await using ChainOfSpotEngine one = await GgufGolden.LoadAsync(model, new EngineOptions { Threads = 1 });
        await using ChainOfSpotEngine three = await GgufGolden.LoadAsync(model, new EngineOptions { Threads = 3 });
        var rows = new PromptRows(GgufGolden.PromptIds(model), patches: 0);
        Assert.Equal(TestEngine.Bits(await one.LogitsAsync(rows, split: 640)), TestEngine.Bits(await three.LogitsAsync(rows, split: 7)));
    }

    [Fact]
    public async Task Texts_become_the_ids_of_the_reference()
    {
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync("llama-f16");
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllBytesAsync(Fixtures.Path("gguf", "llm.json"), TestContext.Current.CancellationToken));
        foreach (JsonElement text in json.RootElement.GetProperty("tokenise").EnumerateArray())
            Assert.Equal(GgufGolden.Ids(text, "ids"), engine.Tokenizer.Encode(text.GetProperty("text").GetString()!));
    }

    [Fact]
    public async Task Pixels_become_the_features_of_the_reference()
    {
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync("llama-q4_0");
        SafetensorsFixture expected = GgufGolden.Tensors("vision");
        float[] pixels = expected.Floats("pixel_values").ToArray();
        (float[] features, float[] projected) = await engine.OnDeviceAsync(() =>
        {
            using Tensor input = engine.Device.Allocate(ElementType.F32, 1, pixels.Length);
            using Tensor output = engine.Device.Allocate(ElementType.F32, engine.Config.Vision.Patches, engine.Config.Text.HiddenSize);
            engine.Device.Write<float>(input, pixels);
            engine.Model.Tower.Encode(input, output, TestContext.Current.CancellationToken);
            return (engine.Device.ToHost(engine.Model.Tower.Features), engine.Device.ToHost(output));
        });
        Golden.AssertClose(expected.Floats("features"), features, GgufGolden.FeatureTolerance, "features");
        Golden.AssertClose(expected.Floats("projected"), projected, GgufGolden.ProjectionTolerance, "projected");
    }

    [Theory]
    [InlineData("llama-f16")]
    [InlineData("llama-q4_0")]
    public async Task Both_passes_equal_the_reference_with_and_without_reuse(string model)
    {
        JsonElement golden = GgufGolden.TwoPasses;
        JsonElement tokens = golden.GetProperty("models").GetProperty(model);
        SafetensorsFixture expected = GgufGolden.Tensors("twopass");
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync(model);
        await using SpotImage image = engine.OpenImage(GgufGolden.TwoPassPicture());
        var options = new AskOptions
        {
            IgnoreEndToken = true,
            MaxNewTokens = 8,
            TopLogits = engine.Config.Text.VocabularySize,
            RegionText = golden.GetProperty("region").GetString(),
        };
        string question = golden.GetProperty("question").GetString()!;
        foreach (AskOptions asked in (AskOptions[])[options, options, options with { Reuse = false }])
        {
            Answer answer = await image.AskForTestAsync(question, asked);
            Assert.Equal(expected.Bytes("crop.resized").ToArray(), answer.Region!.Crop.ToArray());
            for (int i = 0; i < Passes.Length; i++)
            {
                Assert.Equal(GgufGolden.Ids(golden, Passes[i] + "_ids"), answer.Passes[i].PromptIds);
                Assert.Equal(GgufGolden.Ids(tokens, Passes[i] + "_greedy"), answer.Passes[i].OutputIds);
                Golden.AssertClose(
                    expected.Floats($"{model}.{Passes[i]}.logits"), answer.Passes[i].ToLogits(), GgufGolden.LogitTolerance, Passes[i]);
            }
        }
        float[] global = await engine.EncodeAsync(GgufGolden.TwoPassPicture(), box: null);
        Golden.AssertClose(expected.Floats("global.projected"), global, GgufGolden.ProjectionTolerance, "global.projected");
    }

    private static int IndexOfLargest(ReadOnlySpan<float> values)
    {
        int largest = 0;
        for (int i = 1; i < values.Length; i++)
            largest = values[i] > values[largest] ? i : largest;
        return largest;
    }
}
