namespace ChainOfSpot.EndToEnd;

/// <summary>What is run, and where the results go.</summary>
internal sealed record EndToEndOptions
{
    public required string Model { get; init; }

    public required string Picture { get; init; }

    public required string Output { get; init; }

    public int Threads { get; init; }

    /// <summary>How often every job is run and every point of the curves measured.</summary>
    public required int Rounds { get; init; }

    /// <summary>Tokens that each pass decodes.</summary>
    public required int NewTokens { get; init; }

    /// <summary>Points of the curves of growth; 0 for none.</summary>
    public required int Points { get; init; }

    /// <summary>A peer's command template, or the address of a server; null for none.</summary>
    public string? Peer { get; init; }

    /// <summary>A JSON object with members for every request to a server; null for none.</summary>
    public string? PeerFields { get; init; }
}
