namespace ChainOfSpot.PeerBench;

/// <summary>What is compared, and where the results go.</summary>
internal sealed record PeersOptions
{
    /// <summary>GGUF file of a language model.</summary>
    public required string Model { get; init; }

    public required string Output { get; init; }

    /// <summary>Threads of every program.</summary>
    public required int Threads { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public required int Prefill { get; init; }

    /// <summary>Tokens before the decoded ones.</summary>
    public required int Depth { get; init; }

    /// <summary>Tokens that are decoded.</summary>
    public required int Tokens { get; init; }

    /// <summary>This engine with each of its caches that is asked for, and the peers.</summary>
    public required IReadOnlyList<BenchProgram> Programs { get; init; }
}
