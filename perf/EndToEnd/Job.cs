namespace ChainOfSpot.EndToEnd;

/// <summary>One way of answering a question: what is asked of the engine before and how.</summary>
/// <param name="Name">The name.</param>
/// <param name="Ask">How the question is answered.</param>
/// <param name="IsSecondQuestion">Whether another question about the picture was answered before.</param>
internal sealed record Job(string Name, AskOptions Ask, bool IsSecondQuestion = false)
{
    public const string Question = "What is in the picture?";
    public const string OtherQuestion = "What else is there?";

    /// <summary>What pass 1 is taken to have said, whatever it says, so that the work is the same for all.</summary>
    public const string RegionText = "[0.25, 0.25, 0.75, 0.75]";

    /// <summary>Looks twice; pass 2 goes on from what pass 1 cached.</summary>
    public static Job Reuse(int newTokens) => new("with reuse", LookTwice(newTokens));

    /// <summary>Looks twice; pass 2 computes everything again.</summary>
    public static Job NoReuse(int newTokens) => new("without reuse", LookTwice(newTokens) with { Reuse = false });

    /// <summary>Another question about the same picture, which looks twice too.</summary>
    public static Job SecondQuestion(int newTokens) => new("second question", LookTwice(newTokens), IsSecondQuestion: true);

    /// <summary>Looks once.</summary>
    public static Job Direct(int newTokens) => new("direct", LookTwice(newTokens) with { Direct = true, RegionText = null });

    /// <summary>The four ways that are compared.</summary>
    public static IReadOnlyList<Job> All(int newTokens) =>
        [Reuse(newTokens), NoReuse(newTokens), SecondQuestion(newTokens), Direct(newTokens)];

    /// <summary>
    /// How another question about the same picture is answered: it looks elsewhere, so that nothing of its region is kept.
    /// </summary>
    /// <param name="question">Which question: 0 looks at <see cref="RegionText"/>, those up to 24 each at a region of their own.</param>
    public AskOptions AskOther(int question)
    {
        int near = 25 + (question % 25);
        int far = near + 50;
        return Ask with { RegionText = $"[0.{near}, 0.{near}, 0.{far}, 0.{far}]" };
    }

    // As many tokens whether or not the model wants to end.
    private static AskOptions LookTwice(int newTokens) =>
        new() { MaxNewTokens = newTokens, IgnoreEndToken = true, RegionText = RegionText };
}
