using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>Device work of the tests, run where all device work runs: on the engine's own thread.</summary>
internal static class Steps
{
    public static Task<T> OnDeviceAsync<T>(this ChainOfSpotEngine engine, Func<T> work) =>
        engine.Steps.RunAsync(work, TestContext.Current.CancellationToken);

    public static float[] ToHost(this Device device, TensorView view)
    {
        float[] values = new float[view.Rows * view.Columns];
        device.Read<float>(view, values);
        return values;
    }

    /// <summary>The prompt of <paramref name="ids"/> with the features of a picture, and of its crop where there are two images.</summary>
    public static PromptRows Prompt(this ChainOfSpotEngine engine, int[] ids, float[] global, float[] crop) =>
        new(ids, engine.Config.Vision.Patches, [engine.Upload(global), engine.Upload(crop)]);

    /// <summary>Features of a picture, or of a box of its padded square, on the host.</summary>
    public static async Task<float[]> EncodeAsync(this ChainOfSpotEngine engine, Picture picture, PixelBox? box)
    {
        using Shared<EncodedRegion> encoded = await engine.Pictures.EncodeAsync(
            picture, new ImageKey(picture.Hash, box), reuses: false, TestContext.Current.CancellationToken);
        return await engine.OnDeviceAsync(() => engine.Device.ToHost(encoded.Value.Features));
    }

    /// <summary>Feeds a prompt to a new sequence, <paramref name="split"/> rows a step, and reads the logits of every row.</summary>
    public static Task<float[]> LogitsAsync(this ChainOfSpotEngine engine, PromptRows prompt, int split) => engine.OnDeviceAsync(() =>
    {
        using var sequence = new KvSequence(engine.Pages);
        using var batch = new RaggedBatch(engine.Device, split, 1, (prompt.Tokens.Length / engine.Pages.Positions) + 1);
        int vocabulary = engine.Config.Text.VocabularySize;
        float[] logits = new float[prompt.Tokens.Length * vocabulary];
        for (int fed = 0; fed < prompt.Tokens.Length; fed += split)
        {
            int count = Math.Min(split, prompt.Tokens.Length - fed);
            batch.Clear();
            batch.Add(sequence, prompt.Tokens.Slice(fed, count), outputs: count);
            TensorView rows = engine.Forward(batch, FeaturesOf(prompt, fed, count, firstRow: 0));
            engine.Device.Read<float>(rows, logits.AsSpan(fed * vocabulary, count * vocabulary));
        }
        return logits;
    });

    public static TensorView Forward(this ChainOfSpotEngine engine, RaggedBatch batch, params FeatureRows[] features)
    {
        batch.Send();
        return engine.Model.Language.Forward(batch, features, engine.Pages.Pool, () => false)!.Value;
    }

    /// <summary>The features of rows [<paramref name="fed"/>, fed + count) of a prompt, when row fed is row firstRow of the step.</summary>
    public static FeatureRows[] FeaturesOf(PromptRows prompt, int fed, int count, int firstRow)
    {
        var features = new List<FeatureRows>();
        foreach (PromptFeatures block in prompt.Features)
        {
            int start = Math.Max(block.Start, fed);
            int end = Math.Min(block.Start + block.Rows.Rows, fed + count);
            if (start < end)
                features.Add(new FeatureRows(block.Rows.Slice(start - block.Start, end - start), firstRow + start - fed));
        }
        return [.. features];
    }

    private static Tensor Upload(this ChainOfSpotEngine engine, float[] features)
    {
        int width = engine.Config.Text.HiddenSize;
        Tensor tensor = engine.Device.Allocate(ElementType.F32, features.Length / width, width);
        engine.Device.Write<float>(tensor, features);
        return tensor;
    }
}
