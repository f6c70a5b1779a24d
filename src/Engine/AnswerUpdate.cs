namespace ChainOfSpot;

/// <summary>
/// What became known of an answer since the update before: first the region (none of a direct pass), then the text bit by bit,
/// at last the whole answer. Each update has one of the three.
/// </summary>
public sealed record AnswerUpdate
{
    /// <summary>Where the second pass looks; only in the first update of a question that is looked at twice.</summary>
    public AnswerRegion? Region { get; init; }

    /// <summary>Text that follows the text of the updates before; whole characters. All of them together are <see cref="Answer.Text"/>.</summary>
    public string Text { get; init; } = "";

    /// <summary>The whole answer; only in the last update.</summary>
    public Answer? Answer { get; init; }
}
