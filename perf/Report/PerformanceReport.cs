using System.Text.Json;
using System.Text.Json.Serialization;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.Report;

/// <summary>Everything that one run measured.</summary>
internal sealed record PerformanceReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter<ElementType>() },
    };

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

    /// <exception cref="InvalidDataException">No report, or one of other work: the times of two reports have to be of the same.</exception>
    public static PerformanceReport FromJson(string path, LlavaShape shape, ElementType weights)
    {
        PerformanceReport report = FromJson(path);
        return report.Shape == shape && report.Weights == weights
            ? report
            : throw new InvalidDataException(
                $"{path}: times of {report.Shape.Name} with {report.Weights} weights; this report is of {shape.Name} with {weights}.");
    }

    /// <exception cref="InvalidDataException">No report.</exception>
    public static PerformanceReport FromJson(string path)
    {
        try
        {
            PerformanceReport report = JsonSerializer.Deserialize<PerformanceReport>(File.ReadAllText(path), Json) ?? throw new JsonException("null");
            return report.Measured.GroupBy(m => m.Name).FirstOrDefault(same => same.Count() > 1) is { } twice
                ? throw new JsonException($"'{twice.Key}' was measured twice")
                : report;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: not a report of this program: {e.Message}", e);
        }
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public Measured Of(string name) => Measured.Single(m => m.Name == name);
}
