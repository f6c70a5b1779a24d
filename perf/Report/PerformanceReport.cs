using System.Text.Json;
using System.Text.Json.Serialization;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.Report;

/// <summary>Everything that one run measured.</summary>
internal sealed record PerformanceReport
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Converters = { new JsonStringEnumConverter<ElementType>() } };

    public required DateTimeOffset Taken { get; init; }

    public required Machine Machine { get; init; }

    public required string Device { get; init; }

    public required LlavaShape Shape { get; init; }

    /// <summary>How the weights were stored.</summary>
    public ElementType Weights { get; init; } = ElementType.F16;

    /// <summary>Decoder and tower layers that were run one after the other; all of them with the same weights.</summary>
    public required int StackLayers { get; init; }

    public required MeasuredCeilings OneThread { get; init; }

    public required MeasuredCeilings AllThreads { get; init; }

    public required IReadOnlyList<Measured> Measured { get; init; }

    public static PerformanceReport FromJson(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<PerformanceReport>(File.ReadAllText(path), Json) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: not a report of this program: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public Measured Of(string name) => Measured.Single(m => m.Name == name);
}
