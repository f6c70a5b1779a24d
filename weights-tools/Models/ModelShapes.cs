using ChainOfSpot.Models;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>The shapes of models that a random one may have.</summary>
internal static class ModelShapes
{
    /// <summary>The names of all.</summary>
    public static IReadOnlyList<string> Names => ["llava-1.5-7b", "llava-1.5-13b", "tiny"];

    // OpenAI's normalisation of CLIP, which LLaVA keeps.
    private static readonly float[] ClipMean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] ClipStd = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <summary>The shape of a name; its vocabulary size counts pieces, without the rows that a format adds.</summary>
    public static LlavaConfig Of(string name) => name switch
    {
        "llava-1.5-7b" => new LlavaConfig { Text = Vicuna(hidden: 4096, intermediate: 11008, layers: 32, heads: 32), Vision = ClipLarge },
        "llava-1.5-13b" => new LlavaConfig { Text = Vicuna(hidden: 5120, intermediate: 13824, layers: 40, heads: 40), Vision = ClipLarge },
        "tiny" => new LlavaConfig
        {
            Text = Vicuna(hidden: 256, intermediate: 512, layers: 2, heads: 4) with { MaxPositions = 1024, VocabularySize = 512 },
            Vision = ClipLarge with
            {
                HiddenSize = 64,
                IntermediateSize = 128,
                Layers = 3,
                FeatureLayers = 2,
                Heads = 2,
                ImageSize = 56,
            },
        },
        _ => throw new CommandException($"there is no shape '{name}'; {string.Join(", ", Names)} were expected.", isUsage: true),
    };

    private static VisionConfig ClipLarge => new()
    {
        HiddenSize = 1024,
        IntermediateSize = 4096,
        Layers = 24,
        FeatureLayers = 23,
        Heads = 16,
        ImageSize = 336,
        PatchSize = 14,
        NormEpsilon = 1e-5f,
        QuickGelu = true,
        Mean = ClipMean,
        Std = ClipStd,
    };

    private static TextConfig Vicuna(int hidden, int intermediate, int layers, int heads) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        Layers = layers,
        Heads = heads,
        KvHeads = heads,
        HeadDim = hidden / heads,
        NormEpsilon = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = 4096,
        VocabularySize = 32000,
        TiedHead = false,
    };
}
