using System.Text.Json;
using System.Text.Json.Serialization;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Cli.Ask;

/// <summary>What <c>cos ask --json</c> prints.</summary>
internal sealed record AskJson(
    string Answer,
    RegionJson? Region,
    IReadOnlyList<PassJson> Passes,
    UsageJson Usage,
    IReadOnlyDictionary<string, double> TimingsMs,
    string Device,
    string Model,
    double? Probability)
{
    public static AskJson Of(AskResult result)
    {
        Answer answer = result.Answer;
        return new AskJson(
            answer.Text,
            answer.Region is { } region ? RegionJson.Of(region) : null,
            [.. answer.Passes.Select(PassJson.Of)],
            new UsageJson(answer.Usage.InputTokens, answer.Usage.CachedInputTokens, answer.Usage.OutputTokens),
            result.Stages.ToDictionary(stage => stage.Name, stage => Math.Round(stage.Time.TotalMilliseconds, 3)),
            result.Device,
            result.Model,
            CliJson.Probability(answer.Probability));
    }
}

/// <summary>Where the second pass looked.</summary>
internal sealed record RegionJson(
    string Text,
    double[] Normalized,
    int[] Pixels,
    bool Fallback,
    string? FallbackReason,
    double? Probability,
    double? FirstTokenProbability)
{
    public static RegionJson Of(AnswerRegion region)
    {
        Regions.Region normalized = region.Normalized;
        PixelBox pixels = region.Pixels;
        return new RegionJson(
            region.Text,
            [normalized.Left, normalized.Top, normalized.Right, normalized.Bottom],
            [pixels.Left, pixels.Top, pixels.Right, pixels.Bottom],
            region.IsFallback,
            region.IsFallback ? CliJson.NameOf(region.Problem) : null,
            CliJson.Probability(region.Probability),
            CliJson.Probability(region.FirstTokenProbability));
    }
}

/// <summary>One pass.</summary>
internal sealed record PassJson(
    string Name,
    IReadOnlyList<int> PromptIds,
    IReadOnlyList<int> OutputIds,
    string Text,
    int CachedTokens,
    int PromptTokens,
    IReadOnlyList<LogitJson> TopLogits)
{
    public static PassJson Of(PassResult pass) => new(
        CliJson.NameOf(pass.Kind),
        pass.PromptIds,
        pass.OutputIds,
        pass.Text,
        pass.CachedTokens,
        pass.PromptTokens,
        [.. pass.TopLogits.Select(top => new LogitJson(top.Id, top.Value))]);
}

/// <summary>Tokens of all passes.</summary>
internal sealed record UsageJson(int InputTokens, int CachedTokens, int OutputTokens);

/// <summary>A token and its logit: <c>[id, value]</c>, null for a value that is no finite number.</summary>
[JsonConverter(typeof(Converter))]
internal readonly record struct LogitJson(int Id, float Value)
{
    internal sealed class Converter : JsonConverter<LogitJson>
    {
        public override void Write(Utf8JsonWriter writer, LogitJson value, JsonSerializerOptions options)
        {
            writer.WriteStartArray();
            writer.WriteNumberValue(value.Id);
            if (float.IsFinite(value.Value))
                writer.WriteNumberValue(value.Value);
            else
                writer.WriteNullValue();
            writer.WriteEndArray();
        }

        public override LogitJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("Results are only written.");
    }
}
