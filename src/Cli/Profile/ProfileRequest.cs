namespace ChainOfSpot.Cli.Profile;

/// <summary>What <c>cos profile</c> was asked for.</summary>
internal sealed record ProfileRequest
{
    public required string Picture { get; init; }

    public required string Question { get; init; }

    /// <summary>The folder or file of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Where the trace goes; null for nowhere.</summary>
    public required string? TracePath { get; init; }

    /// <summary>Whether the question is asked once before.</summary>
    public required bool Warm { get; init; }

    /// <summary>How the engine is set up.</summary>
    public required EngineOptions Engine { get; init; }

    public required AskOptions Ask { get; init; }
}
