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
internal sealed record QuestionCountResult(int Questions, double Reuse, double NoReuse);

/// <summary>Decoding of so many questions at once.</summary>
/// <param name="Questions">How many.</param>
/// <param name="SecondsPerToken">The time of a token, of whichever question.</param>
internal sealed record AtOnceResult(int Questions, Sample SecondsPerToken);

/// <summary>A peer on the same job.</summary>
/// <param name="Command">Its command line.</param>
/// <param name="Seconds">Its time, start of the program included.</param>
/// <param name="Ratios">Its time divided by that of the engine's own in the same round.</param>
internal sealed record PeerResult(string Command, Sample Seconds, Sample Ratios);

/// <summary>Everything that one run measured.</summary>
internal sealed record EndToEndResult
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public required DateTimeOffset Taken { get; init; }

    public required Machine Machine { get; init; }

    public required string Device { get; init; }

    public required string Model { get; init; }

    public required IReadOnlyList<JobResult> Jobs { get; init; }

    public required IReadOnlyList<QuestionCountResult> Questions { get; init; }

    public required IReadOnlyList<AtOnceResult> AtOnce { get; init; }

    public required PeerResult? Peer { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static EndToEndResult FromJson(string json) =>
        JsonSerializer.Deserialize<EndToEndResult>(json, Json) ?? throw new JsonException("null");
}
