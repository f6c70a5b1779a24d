using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>The shapes of models that GGUF files describe.</summary>
internal static class GgufConfig
{
    /// <summary>The shape of a language model.</summary>
    public static TextConfig Of(GgufLlama llama) => new()
    {
        HiddenSize = llama.Width,
        IntermediateSize = llama.FeedForwardWidth,
        Layers = llama.Blocks.Count,
        Heads = llama.HeadCount,
        KvHeads = llama.KvHeadCount,
        HeadDim = llama.HeadSize,
        NormEpsilon = llama.NormEpsilon,
        RopeTheta = llama.RopeBase,
        MaxPositions = llama.ContextLength,
        VocabularySize = llama.Vocabulary.Pieces.Count,
        TiedHead = llama.Output == llama.TokenEmbedding,
    };

    /// <summary>The shape of a tower. What is behind its last needed layer takes no part, and most files lack it.</summary>
    public static VisionConfig Of(GgufClip clip) => new()
    {
        HiddenSize = clip.Width,
        IntermediateSize = clip.FeedForwardWidth,
        Layers = clip.Blocks.Count,
        FeatureLayers = clip.Blocks.Count,
        Heads = clip.HeadCount,
        ImageSize = clip.ImageSize,
        PatchSize = clip.PatchSize,
        NormEpsilon = clip.NormEpsilon,
        QuickGelu = !clip.UsesGelu,
        Mean = clip.ImageMean,
        Std = clip.ImageStd,
    };
}
