using System.Text.Json;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.EndToEnd;

/// <summary>One stage of a job.</summary>
/// <param name="Name">The stage.</param>
/// <param name="Tokens">Rows or tokens that it computes.</param>
/// <param name="Seconds">Its time.</param>
internal sealed record StageResult(string Name, int Tokens, Sample Seconds);

/// <summary>One job, repeated.</summary>
/// <param name="Name">Its name.</param>
/// <param name="InputTokens">Positions of all prompts.</param>
/// <param name="CachedTokens">Those of them that were cached.</param>
/// <param name="OutputTokens">Decoded tokens.</param>
/// <param name="Stages">Where the time went.</param>
/// <param name="Seconds">From the question to the answer.</param>
/// <param name="Joules">Energy of the processor packages; null where the machine does not tell.</param>
internal sealed record JobResult(
    string Name, int InputTokens, int CachedTokens, int OutputTokens, IReadOnlyList<StageResult> Stages, Sample Seconds, Sample? Joules);

/// <summary>Time of so many questions about one new picture.</summary>
/// <param name="Questions">How many.</param>
/// <param name="Reuse">Seconds of all of them with reuse.</param>
/// <param name="NoReuse">Seconds without.</param>
internal sealed record QuestionCountResult(int Questions, Sample Reuse, Sample NoReuse);

/// <summary>Decoding of so many questions at once.</summary>
/// <param name="Questions">How many.</param>
/// <param name="SecondsPerToken">The time of a token, of whichever question.</param>
internal sealed record AtOnceResult(int Questions, Sample SecondsPerToken);

/// <summary>Time of one question about each of so many new pictures.</summary>
/// <param name="Pictures">How many.</param>
/// <param name="InTurn">Seconds of one after the other.</param>
/// <param name="AtOnce">Seconds of all asked at once.</param>
internal sealed record PictureCountResult(int Pictures, Sample InTurn, Sample AtOnce);

/// <summary>Time of one pass over a prompt of some length.</summary>
/// <param name="PromptTokens">Its positions.</param>
/// <param name="Prefill">Seconds of computing them.</param>
/// <param name="DecodedToken">Seconds of a decoded token behind it; null where only one was decoded.</param>
internal sealed record ContextResult(int PromptTokens, Sample Prefill, Sample? DecodedToken);

/// <summary>How the time grows.</summary>
internal sealed record GrowthResult(
    IReadOnlyList<QuestionCountResult> Questions, IReadOnlyList<PictureCountResult> Pictures, IReadOnlyList<ContextResult> Contexts);

/// <summary>A peer beside one job of the engine. Ratios: its time divided by the engine's in the same round.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="PromptTokens">Positions of the prompts by the peer's count; 0 where it tells none.</param>
/// <param name="CachedTokens">Those that it had cached.</param>
/// <param name="OutputTokens">Tokens that it generated.</param>
/// <param name="Whole">All of it; of a command, start and loading of the model included.</param>
/// <param name="BeforeFirstToken">Encoding and prefill; null where the peer does not tell.</param>
/// <param name="DecodedToken">A decoded token; null where the peer does not tell.</param>
internal sealed record PeerJobResult(
    string Job, int PromptTokens, int CachedTokens, int OutputTokens, Versus Whole, Versus? BeforeFirstToken, Versus? DecodedToken);

/// <summary>Times of a peer and how they compare.</summary>
/// <param name="Seconds">The peer's times.</param>
/// <param name="Ratios">Each divided by the engine's time in the same round: above 1 the engine is faster.</param>
internal sealed record Versus(Sample Seconds, Sample Ratios);

/// <summary>A peer on the same work.</summary>
/// <param name="Name">Its command line or address.</param>
/// <param name="Jobs">What it can do of it.</param>
internal sealed record PeerResult(string Name, IReadOnlyList<PeerJobResult> Jobs);

/// <summary>Everything that one run measured.</summary>
internal sealed record EndToEndResult
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public required DateTimeOffset Taken { get; init; }

    public required Machine Machine { get; init; }

    public required string Device { get; init; }

    public required string Model { get; init; }

    public required IReadOnlyList<JobResult> Jobs { get; init; }

    /// <summary>Null where it was not asked for.</summary>
    public required GrowthResult? Growth { get; init; }

    public required IReadOnlyList<AtOnceResult> AtOnce { get; init; }

    public required PeerResult? Peer { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static EndToEndResult FromJson(string json) =>
        JsonSerializer.Deserialize<EndToEndResult>(json, Json) ?? throw new JsonException("null");
}
