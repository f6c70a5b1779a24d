using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Errors;

namespace ChainOfSpot.Cli.Output;

/// <summary>The objects that <c>--json</c> prints, one a command.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(AskJson))]
[JsonSerializable(typeof(DevicesJson))]
[JsonSerializable(typeof(ErrorJson))]
internal sealed partial class CliJson : JsonSerializerContext
{
    // What is written is read by a JSON reader, not pasted into a web page: quotes and accents need no escapes.
    private static readonly CliJson Plain = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    public static string ToText(AskJson value) => JsonSerializer.Serialize(value, Plain.AskJson);

    public static string ToText(DevicesJson value) => JsonSerializer.Serialize(value, Plain.DevicesJson);

    public static string ToText(ErrorJson value) => JsonSerializer.Serialize(value, Plain.ErrorJson);

    /// <summary>A probability to four decimals, or null where it is no number: what is behind them is rounding.</summary>
    public static double? Probability(double? value) => value is { } number && double.IsFinite(number) ? Math.Round(number, 4) : null;

    /// <summary>An enumeration's name as the objects spell it.</summary>
    public static string NameOf<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
