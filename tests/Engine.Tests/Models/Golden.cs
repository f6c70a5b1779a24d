using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>What the reference computes for one of the tiny checkpoints: three questions, each with a forced region.</summary>
internal sealed class Golden
{
    /// <summary>Tolerances of the reference data in fp32 (largest difference).</summary>
    public const float PixelTolerance = 2e-6f;
    public const float FeatureTolerance = 2e-4f;
    public const float LogitTolerance = 5e-4f;

    private Golden(string model)
    {
        Folder = Fixtures.Path("llava", model);
        var tensors = new SafetensorsFixture(Fixtures.Path("llava", model + ".golden", "golden.safetensors"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("llava", model + ".golden", "golden.json")));
        Cases = [.. json.RootElement.GetProperty("cases").EnumerateArray().Select(c => new GoldenCase(c, tensors))];
        Assert.Equal(3, Cases.Count);
    }

    public static TheoryData<string> Models { get; } =
        ["hf-mha", "hf-gqa-sharded", "orig-bin", "orig-safetensors-embedded-tower"];

    public string Folder { get; }

    public IReadOnlyList<GoldenCase> Cases { get; }

    public static Golden Of(string model) => new(model);

    /// <summary>Fails where one of the numbers is further off than <paramref name="tolerance"/>.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        float worst = 0;
        for (int i = 0; i < expected.Length; i++)
            worst = Math.Max(worst, float.IsNaN(actual[i]) ? float.PositiveInfinity : Math.Abs(expected[i] - actual[i]));
        Assert.True(worst <= tolerance, $"{what} differs by {worst}; at most {tolerance} is allowed.");
    }
}

/// <summary>One question of a <see cref="Golden"/>.</summary>
internal sealed class GoldenCase(JsonElement json, SafetensorsFixture tensors)
{
    private readonly string _prefix = json.GetProperty("tensors_prefix").GetString()!;

    public string Question { get; } = json.GetProperty("question").GetString()!;

    public string Region { get; } = json.GetProperty("region").GetString()!;

    public string ImagePath { get; } = Fixtures.Path("images", json.GetProperty("image").GetString()!);

    public string GlobalSha256 { get; } = json.GetProperty("resized_global_sha256").GetString()!;

    public string CropSha256 { get; } = json.GetProperty("resized_crop_sha256").GetString()!;

    public PixelBox CropBox { get; } = ReadBox(json.GetProperty("crop_box"));

    public Picture Decode() => Picture.Decode(ImagePath);

    public bool Contains(string name) => tensors.Contains(_prefix + name);

    public ReadOnlySpan<float> Floats(string name) => tensors.Floats(_prefix + name);

    public int[] Ids(string name)
    {
        ReadOnlySpan<long> ids = tensors.Integers(_prefix + name);
        int[] result = new int[ids.Length];
        for (int i = 0; i < ids.Length; i++)
            result[i] = checked((int)ids[i]);
        return result;
    }

    private static PixelBox ReadBox(JsonElement box) => new(box[0].GetInt32(), box[1].GetInt32(), box[2].GetInt32(), box[3].GetInt32());
}
