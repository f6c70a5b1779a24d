namespace ChainOfSpot.Models;

/// <summary>The shape of a LLaMA decoder (Touvron et al. 2023, arXiv 2302.13971).</summary>
public sealed record TextConfig
{
    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the gated feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key-value heads; a divisor of <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Added to the mean of squares in every RMSNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Base of the rotary position embedding.</summary>
    public required float RopeTheta { get; init; }

    /// <summary>The longest context the model was made for, in positions.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Rows of the embedding and of the language-model head.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Whether the head is the embedding.</summary>
    public required bool TiedHead { get; init; }
}

/// <summary>The shape of a CLIP vision tower (Radford et al. 2021, arXiv 2103.00020).</summary>
public sealed record VisionConfig
{
    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Encoder layers of the checkpoint.</summary>
    public required int Layers { get; init; }

    /// <summary>Layers that run: the features are the output of the last of them.</summary>
    public required int FeatureLayers { get; init; }

    /// <summary>Attention heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Side of the picture in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Side of a patch in pixels.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Added to the variance in every LayerNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Whether the activation is x * sigmoid(1.702 x); otherwise the exact GELU.</summary>
    public required bool QuickGelu { get; init; }

    /// <summary>Mean of the red, green and blue samples, of 1.</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation of the samples, of 1.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Patches of a picture, each one token of the language model.</summary>
    public int Patches => ImageSize / PatchSize * (ImageSize / PatchSize);
}

/// <summary>The shape of a LLaVA-1.5 model (Liu et al. 2023, arXiv 2310.03744).</summary>
public sealed record LlavaConfig
{
    /// <summary>The language model.</summary>
    public required TextConfig Text { get; init; }

    /// <summary>The vision tower.</summary>
    public required VisionConfig Vision { get; init; }
}
