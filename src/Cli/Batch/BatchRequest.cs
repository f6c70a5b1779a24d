namespace ChainOfSpot.Cli.Batch;

/// <summary>What <c>cos batch</c> was told to do.</summary>
internal sealed record BatchRequest
{
    /// <summary>The file of questions.</summary>
    public required string Questions { get; init; }

    /// <summary>The file of answers.</summary>
    public required string Out { get; init; }

    /// <summary>The model's folder.</summary>
    public required string Model { get; init; }

    /// <summary>How many questions are asked at a time.</summary>
    public required int Parallel { get; init; }

    /// <summary>How the engine is set up.</summary>
    public required EngineOptions Engine { get; init; }

    /// <summary>How every question is answered.</summary>
    public required AskOptions Ask { get; init; }
}
