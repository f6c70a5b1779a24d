using System.Text.Json;

namespace ChainOfSpot.Text;

/// <summary>What a checkpoint's <c>tokenizer_config.json</c> says about how it wants to be asked.</summary>
/// <param name="Legacy">The <c>legacy</c> flag, or null where there is none (no file, or a GGUF file).</param>
public sealed record TokenizerSettings(bool? Legacy)
{
    private const int MaxFileBytes = 16 << 20;

    /// <summary>The reading of text after an end-of-sequence mark that the flag stands for in the published evaluations.</summary>
    public AfterEosRule AfterEosRule => Legacy == false ? AfterEosRule.PrefixStripped : AfterEosRule.PrefixKept;

    /// <summary>Reads a <c>tokenizer_config.json</c>.</summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is no JSON object, is larger than 16 MiB or has a <c>legacy</c> that is
    /// neither true, false nor null.</exception>
    public static TokenizerSettings Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (file.Length > MaxFileBytes)
            throw new InvalidDataException($"{path}: {file.Length} bytes; a tokenizer configuration has at most {MaxFileBytes}.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(file);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"{path}: a {document.RootElement.ValueKind}, expected a JSON object.");
            if (!document.RootElement.TryGetProperty("legacy", out JsonElement legacy))
                return new TokenizerSettings(Legacy: null);
            return legacy.ValueKind switch
            {
                JsonValueKind.True => new TokenizerSettings(true),
                JsonValueKind.False => new TokenizerSettings(false),
                JsonValueKind.Null => new TokenizerSettings(Legacy: null),
                _ => throw new InvalidDataException($"{path}: \"legacy\" is a {legacy.ValueKind}, expected true, false or null."),
            };
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path}: no valid JSON: {error.Message}", error);
        }
    }
}
