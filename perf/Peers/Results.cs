using System.Text.Json;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.PeerBench;

/// <summary>One program on one test.</summary>
/// <param name="Command">What was run.</param>
/// <param name="SecondsPerToken">Of prefill and decode, as the program tells.</param>
/// <param name="ProcessSeconds">The whole process, loading included.</param>
/// <param name="PeakBytes">The most resident memory of any round; 0 where the system does not tell.</param>
internal sealed record TestResult(string Command, Sample SecondsPerToken, Sample ProcessSeconds, long PeakBytes);

/// <summary>One program.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Build">What it says it was built from; null where it tells none.</param>
/// <param name="InstructionSet">The vector instructions that it says it uses; null where it tells none.</param>
/// <param name="Prefill">A prompt.</param>
/// <param name="Decode">Tokens behind a context.</param>
/// <param name="FirstToken">A whole process up to its first token.</param>
internal sealed record ProgramResult(
    string Name, string? Build, string? InstructionSet, TestResult Prefill, TestResult Decode, TestResult FirstToken);

/// <summary>How many times faster one of ours is than a peer.</summary>
/// <param name="Ours">Our name.</param>
/// <param name="Peer">The peer's.</param>
/// <param name="Test">What they did.</param>
/// <param name="OfMedians">The peer's median time divided by ours.</param>
/// <param name="Least">The least ratio of the same round.</param>
/// <param name="Most">The most.</param>
internal sealed record Ratio(string Ours, string Peer, BenchTest Test, double OfMedians, double Least, double Most);

/// <summary>Everything that one run measured.</summary>
internal sealed record PeersResult
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public required DateTimeOffset Taken { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>The instruction sets that the processor has, of those that matter here.</summary>
    public required IReadOnlyList<string> ProcessorInstructionSets { get; init; }

    public required string Model { get; init; }

    public required int Threads { get; init; }

    public required int PrefillTokens { get; init; }

    public required int Depth { get; init; }

    public required int DecodedTokens { get; init; }

    public required int Rounds { get; init; }

    public required IReadOnlyList<ProgramResult> Programs { get; init; }

    public required IReadOnlyList<Ratio> Ratios { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static PeersResult FromJson(string json) => JsonSerializer.Deserialize<PeersResult>(json, Json) ?? throw new JsonException("null");
}
