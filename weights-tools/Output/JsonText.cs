using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>JSON as files and <c>--json</c> have it.</summary>
internal static class JsonText
{
    // What is written is read by a JSON reader, not pasted into a web page: quotes and accents need no escapes.
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The text, indented.</summary>
    public static string Of(JsonNode node) => node.ToJsonString(Indented);
}
