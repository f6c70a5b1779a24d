namespace ChainOfSpot;

/// <summary>A question of a conversation about a picture, and how it was answered.</summary>
public sealed record ConversationTurn
{
    /// <summary>The question as it was asked.</summary>
    public required string Question { get; init; }

    /// <summary>The text of the region that was looked at; null for one direct pass.</summary>
    public required string? RegionText { get; init; }

    /// <summary>What followed the quoted question when it was answered; see <see cref="AskOptions.AnswerSuffix"/>.</summary>
    public string AnswerSuffix { get; init; } = "";

    /// <summary>The text of the answer.</summary>
    public required string Answer { get; init; }
}
