using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using Microsoft.Extensions.AI;

namespace ChainOfSpot.Extensions.AI;

/// <summary>
/// Under which names an answer's region stands in the additional properties of its message, of its response and of the first
/// update of a stream. Whoever sends the message back as history should keep them: that turn is then asked as it was.
/// </summary>
public static class RegionProperties
{
    /// <summary>The region as the model wrote it, such as "[0.1, 0.2, 0.7, 0.8]"; a string.</summary>
    public const string Text = "chainofspot.region.text";

    /// <summary>Left, top, right and bottom as fractions of the padded square's side; four doubles.</summary>
    public const string Normalized = "chainofspot.region.normalized";

    /// <summary>Left, top, right and bottom in pixels of the picture; four integers.</summary>
    public const string Pixels = "chainofspot.region.pixels";

    /// <summary>Whether the second pass looked at the whole picture because the text gives no crop; a boolean.</summary>
    public const string Fallback = "chainofspot.region.fallback";

    /// <summary>How probable the region was, as a double; left out where it is not known: see <see cref="AnswerRegion.Probability"/>.</summary>
    public const string Probability = "chainofspot.region.probability";

    internal static AdditionalPropertiesDictionary Of(AnswerRegion region)
    {
        Region normalized = region.Normalized;
        PixelBox pixels = region.Pixels;
        var properties = new AdditionalPropertiesDictionary
        {
            [Text] = region.Text,
            [Normalized] = new double[] { normalized.Left, normalized.Top, normalized.Right, normalized.Bottom },
            [Pixels] = new int[] { pixels.Left, pixels.Top, pixels.Right, pixels.Bottom },
            [Fallback] = region.IsFallback,
        };
        // JSON, in which middleware keeps responses, has no NaN.
        if (region.Probability is { } probability && double.IsFinite(probability))
            properties[Probability] = probability;
        return properties;
    }

    /// <summary>The region's text in a message that was sent back, as it was put or as it came through JSON; null where there is none.</summary>
    internal static string? TextIn(AdditionalPropertiesDictionary? properties) =>
        properties is null || !properties.TryGetValue(Text, out object? value) ? null : value switch
        {
            string text => text,
            JsonElement { ValueKind: JsonValueKind.String } json => json.GetString(),
            _ => throw new ArgumentException($"{Text} is {value ?? "null"}; expected the text of a region.", nameof(properties)),
        };
}
