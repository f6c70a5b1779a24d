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

    /// <summary>What follows the quoted question in pass 2 only (MMBench, ScienceQA).</summary>
    public string AnswerSuffix { get; init; } = "";

    /// <summary>The most tokens that each pass decodes.</summary>
    public int MaxNewTokens { get; init; } = DefaultMaxNewTokens;

    /// <summary>Decodes up to <see cref="MaxNewTokens"/> whether or not an end token comes.</summary>
    public bool IgnoreEndToken { get; init; }

    /// <summary>How many of the largest logits behind each pass' prompt are reported.</summary>
    public int TopLogits { get; init; }

    /// <summary>
    /// Whether what is cached is used: the picture's features and keys and values from question to question, pass 1's from
    /// pass 1 to pass 2. Off, each pass encodes its pictures and its whole prompt, as the official code does.
    /// </summary>
    public bool Reuse { get; init; } = true;
}
