namespace ChainOfSpot;

/// <summary>How one question is answered.</summary>
public sealed record AskOptions
{
    /// <summary>The official evaluation's limit of new tokens a pass.</summary>
    public const int DefaultMaxNewTokens = 128;

    /// <summary>One plain pass over the whole picture, as LLaVA-1.5 is asked, without looking twice.</summary>
    public bool Direct { get; init; }

    /// <summary>
    /// The text that stands for pass 1's answer, in the place of what the model said; a list of four fractions of the padded
    /// square's side, left, top, right, bottom. Null for the model's own.
    /// </summary>
    public string? RegionText { get; init; }

    /// <summary>
    /// Decodes pass 1 freely, as the official code does. Off, the default, only legal regions are decoded: four numbers from 0.0 to
    /// 1.0, left below right and top below bottom; tokens without an alternative cost no forward pass. Where a free region is
    /// legal, it is the same. Pass 1 is free in any case where <see cref="IgnoreEndToken"/> is set, and with a vocabulary that does
    /// not spell numbers digit by digit.
    /// </summary>
    public bool FreeRegion { get; init; }

    /// <summary>What follows the quoted question in pass 2 only (MMBench, ScienceQA).</summary>
    public string AnswerSuffix { get; init; } = "";

    /// <summary>The most tokens that each pass decodes. A region that is not decoded freely is whole in any case.</summary>
    public int MaxNewTokens { get; init; } = DefaultMaxNewTokens;

    /// <summary>Decodes up to <see cref="MaxNewTokens"/> whether or not an end token comes.</summary>
    public bool IgnoreEndToken { get; init; }

    /// <summary>How many of the largest logits behind each pass' prompt are reported.</summary>
    public int TopLogits { get; init; }

    /// <summary>
    /// How much the answer's tokens are drawn at random: the logits are divided by it. 0, the default, is greedy: the most likely
    /// token each time. The region is always decoded greedily.
    /// </summary>
    public float Temperature { get; init; }

    /// <summary>
    /// Tokens are drawn from the fewest, most likely ones whose probabilities reach this sum, above 0 and at most 1. Without
    /// effect where <see cref="Temperature"/> is 0.
    /// </summary>
    public float TopP { get; init; } = 1;

    /// <summary>Repeats what is drawn: the same seed, question and model give the same answer. Null for another one each time.</summary>
    public long? Seed { get; init; }

    /// <summary>Texts that end the answer where the first of them begins; it is not part of the answer. None by default.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>
    /// Whether what is cached is used: the picture's features and keys and values from question to question, pass 1's from
    /// pass 1 to pass 2. Off, each pass encodes its pictures and its whole prompt, as the official code does.
    /// </summary>
    public bool Reuse { get; init; } = true;

    /// <exception cref="ArgumentException">A number is out of its range, a text is missing or a stop text empty.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(MaxNewTokens);
        ArgumentOutOfRangeException.ThrowIfNegative(TopLogits);
        ArgumentNullException.ThrowIfNull(AnswerSuffix);
        if (!(Temperature >= 0 && float.IsFinite(Temperature)))
            throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "Expected a finite number, 0 or more.");
        if (!(TopP is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "Expected a number above 0 and at most 1.");
        ArgumentNullException.ThrowIfNull(StopTexts);
        foreach (string text in StopTexts)
            ArgumentException.ThrowIfNullOrEmpty(text, nameof(StopTexts));
    }
}
