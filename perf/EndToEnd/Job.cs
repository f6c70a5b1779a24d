namespace ChainOfSpot.EndToEnd;

/// <summary>One way of answering a question: what is asked of the engine before and how.</summary>
/// <param name="Name">The name.</param>
/// <param name="Ask">How the question is answered.</param>
/// <param name="IsSecondQuestion">Whether another question about the picture was answered before.</param>
internal sealed record Job(string Name, AskOptions Ask, bool IsSecondQuestion = false)
{
    public const string Reuse = "with reuse";
    public const string NoReuse = "without reuse";

    /// <summary>The four ways that are compared.</summary>
    public static IReadOnlyList<Job> All(int newTokens)
    {
        // Equal work for all: the same region, whatever the model says, and as many tokens, whether or not it wants to end.
        var ask = new AskOptions { MaxNewTokens = newTokens, IgnoreEndToken = true, RegionText = "[0.25, 0.25, 0.75, 0.75]" };
        return
        [
            new(Reuse, ask),
            new(NoReuse, ask with { Reuse = false }),
            new("second question", ask, IsSecondQuestion: true),
            new("direct", ask with { Direct = true, RegionText = null }),
        ];
    }
}
