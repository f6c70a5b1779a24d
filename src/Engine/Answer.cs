using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;

namespace ChainOfSpot;

/// <summary>What the engine answered and how.</summary>
public sealed record Answer
{
    /// <summary>The text of the answer.</summary>
    public required string Text { get; init; }

    /// <summary>
    /// The probability of the answer's tokens, the end token included: the product of each one's softmax among all tokens, at
    /// temperature 1 also where they were drawn at another.
    /// </summary>
    public required double Probability { get; init; }

    /// <summary>
    /// Whether the answer was cut: at <see cref="AskOptions.MaxNewTokens"/> or at the end of the model's context, before an end
    /// token or a stop text came.
    /// </summary>
    public required bool IsTruncated { get; init; }

    /// <summary>Where the second pass looked; null after one direct pass.</summary>
    public required AnswerRegion? Region { get; init; }

    /// <summary>The passes in their order.</summary>
    public required IReadOnlyList<PassResult> Passes { get; init; }

    /// <summary>Tokens of all passes.</summary>
    public required TokenUsage Usage { get; init; }

    /// <summary>Where the time went.</summary>
    public required AnswerTimings Timings { get; init; }
}

/// <summary>The region of interest of one answer.</summary>
public sealed record AnswerRegion
{
    private const double LeastFirstTokenProbability = 0.1;

    /// <summary>The text that pass 1 answered with, or that was given in its place.</summary>
    public required string Text { get; init; }

    /// <summary>The region as fractions of the padded square's side; the whole square where the text gives no crop.</summary>
    public required Region Normalized { get; init; }

    /// <summary>The region in pixels of the picture: the part that shows the picture, empty where it shows padding only.</summary>
    public required PixelBox Pixels { get; init; }

    /// <summary>
    /// The probability of the region's tokens: each one's among those that keep the region legal, or among all where it was decoded
    /// freely. Null where the region was given.
    /// </summary>
    public required double? Probability { get; init; }

    /// <summary>
    /// The probability, among all tokens, of the token that every region begins with. A model that was tuned for regions is nearly
    /// certain of it. Null where the vocabulary does not spell regions digit by digit, or nothing was decoded.
    /// </summary>
    public required double? FirstTokenProbability { get; init; }

    /// <summary>
    /// Whether the model hardly would have begun a region by itself: it was not tuned to look twice, and what it says about where
    /// to look means little.
    /// </summary>
    public bool IsUntuned => FirstTokenProbability < LeastFirstTokenProbability;

    /// <summary>Why the second pass looked at the whole picture instead of a crop; <see cref="RegionProblem.None"/> if it did not.</summary>
    public required RegionProblem Problem { get; init; }

    /// <summary>What the second pass saw: side x side pixels, interleaved red, green, blue.</summary>
    public required ReadOnlyMemory<byte> Crop { get; init; }

    /// <summary>The side of <see cref="Crop"/> in pixels.</summary>
    public required int CropSide { get; init; }

    /// <summary>Whether the second pass looked at the whole picture because the text gives no crop.</summary>
    public bool IsFallback => Problem != RegionProblem.None;
}

/// <summary>Which of the passes it is.</summary>
public enum PassKind
{
    /// <summary>Pass 1: where to look.</summary>
    Region,

    /// <summary>Pass 2: the answer.</summary>
    Answer,

    /// <summary>The only pass of a direct question.</summary>
    Direct,
}

/// <summary>One pass of an answer.</summary>
public sealed record PassResult
{
    /// <summary>Which pass.</summary>
    public required PassKind Kind { get; init; }

    /// <summary>The ids of the prompt, -200 for each picture.</summary>
    public required IReadOnlyList<int> PromptIds { get; init; }

    /// <summary>The decoded ids, the end token included.</summary>
    public required IReadOnlyList<int> OutputIds { get; init; }

    /// <summary>The text of the decoded ids.</summary>
    public required string Text { get; init; }

    /// <summary>Positions of the prompt, a picture counting one a patch.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Positions of the prompt that were cached.</summary>
    public required int CachedTokens { get; init; }

    /// <summary>The largest logits behind the prompt, largest first.</summary>
    public required IReadOnlyList<TokenLogit> TopLogits { get; init; }
}

/// <summary>One token's logit.</summary>
/// <param name="Id">The token.</param>
/// <param name="Value">Its logit.</param>
public readonly record struct TokenLogit(int Id, float Value);

/// <summary>Tokens of all passes of an answer; a picture counts one a patch.</summary>
/// <param name="InputTokens">Positions of the prompts.</param>
/// <param name="CachedInputTokens">Those of them that were cached.</param>
/// <param name="OutputTokens">Decoded tokens.</param>
public readonly record struct TokenUsage(int InputTokens, int CachedInputTokens, int OutputTokens);

/// <summary>Where the time of an answer went. A stage that did not run took no time.</summary>
public sealed record AnswerTimings
{
    /// <summary>Squaring, resizing and encoding the whole picture.</summary>
    public TimeSpan EncodeImage { get; init; }

    /// <summary>Feeding the prompt of pass 1, or of the direct pass.</summary>
    public TimeSpan FirstPrefill { get; init; }

    /// <summary>Decoding in pass 1, or in the direct pass.</summary>
    public TimeSpan FirstDecode { get; init; }

    /// <summary>Cropping, resizing and encoding the region.</summary>
    public TimeSpan EncodeRegion { get; init; }

    /// <summary>Feeding what pass 2's prompt has beyond the cache.</summary>
    public TimeSpan SecondPrefill { get; init; }

    /// <summary>Decoding in pass 2.</summary>
    public TimeSpan SecondDecode { get; init; }

    /// <summary>From the question to the answer.</summary>
    public TimeSpan Total { get; init; }
}
