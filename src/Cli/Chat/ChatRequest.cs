namespace ChainOfSpot.Cli.Chat;

/// <summary>What <c>cos chat</c> was asked for.</summary>
internal sealed record ChatRequest
{
    /// <summary>The first picture's file.</summary>
    public required string Picture { get; init; }

    /// <summary>The folder or file of the model.</summary>
    public required string Model { get; init; }

    /// <summary>How the engine is set up.</summary>
    public required EngineOptions Engine { get; init; }

    /// <summary>How questions are answered.</summary>
    public required AskOptions Ask { get; init; }
}
