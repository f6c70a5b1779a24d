using System.Text.Json;
using ChainOfSpot.Images;
using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>Ids that both models read, of which each predicts those from <paramref name="FirstScored"/> on.</summary>
/// <param name="Ids">The ids, -200 for the picture.</param>
/// <param name="Picture">The file of the picture, where there is one.</param>
/// <param name="FirstScored">The first id that is predicted.</param>
internal sealed record ComparisonItem(int[] Ids, string? Picture, int FirstScored)
{
    /// <summary>How many ids are predicted.</summary>
    public int ScoredCount => Ids.Length - FirstScored;
}

/// <summary>What two models are compared on, as ids of the reference's vocabulary.</summary>
internal static class ComparisonSet
{
    private const int LongestAnswer = 32;

    /// <summary>A text in windows, each behind a begin id of its own.</summary>
    /// <param name="path">The text file, UTF-8.</param>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="window">Positions of a window.</param>
    /// <param name="mostPositions">Predicted ids in all.</param>
    public static List<ComparisonItem> FromText(string path, LlamaTokenizer tokenizer, int window, int mostPositions)
    {
        int[] ids = tokenizer.Encode(File.ReadAllText(path));
        if (ids.Length == 0)
            throw new CommandException($"{path} is empty; text was expected.");
        List<ComparisonItem> items = [];
        int count = Math.Min(ids.Length, mostPositions);
        for (int start = 0; start < count; start += window - 1)
        {
            int end = Math.Min(start + window - 1, count);
            items.Add(new ComparisonItem([tokenizer.BosId, .. ids[start..end]], Picture: null, FirstScored: 1));
        }
        return items;
    }

    /// <summary>
    /// Questions about pictures, one JSON object a line: <c>image</c> (a path relative to the file), <c>question</c>, and
    /// <c>answer</c>, whose ids are predicted; without it those that the reference answers with.
    /// </summary>
    public static async Task<List<ComparisonItem>> FromQuestionsAsync(
        string path, ChainOfSpotEngine reference, int mostPositions, CancellationToken cancellation)
    {
        List<ComparisonItem> items = [];
        int positions = 0;
        int number = 0;
        foreach (string line in await File.ReadAllLinesAsync(path, cancellation).ConfigureAwait(false))
        {
            number++;
            if (positions >= mostPositions)
                break;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            (string image, string question, string? answer) = ReadLine(path, number, line);
            string picture = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, image);
            Conversation conversation = reference.Prompts.Direct(question);
            int[] prompt = conversation.ToIds();
            int[] ids = answer is null
                ? [.. prompt, .. await AnswerAsync(reference, picture, question, cancellation).ConfigureAwait(false)]
                : conversation.Answer(answer).ToIds();
            items.Add(new ComparisonItem(ids, picture, prompt.AsSpan().CommonPrefixLength(ids)));
            positions += items[^1].ScoredCount;
        }
        return items.Count > 0 ? items : throw new CommandException($"{path} holds no questions.");
    }

    private static async Task<IReadOnlyList<int>> AnswerAsync(
        ChainOfSpotEngine engine, string picture, string question, CancellationToken cancellation)
    {
        using SpotImage image = engine.OpenImage(Picture.Decode(picture));
        var options = new AskOptions { Direct = true, MaxNewTokens = LongestAnswer };
        Answer answer = await image.AskAsync(question, options, cancellation).ConfigureAwait(false);
        return answer.Passes[^1].OutputIds;
    }

    private static (string Image, string Question, string? Answer) ReadLine(string path, int number, string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object
                && TextOf(root, "image") is { } image
                && TextOf(root, "question") is { Length: > 0 } question)
            {
                return (image, question, TextOf(root, "answer") is { Length: > 0 } answer ? answer : null);
            }
        }
        catch (JsonException)
        {
            // Told below, as any line that is no question.
        }
        throw new CommandException($"{path}: line {number} is no JSON object with the texts \"image\" and \"question\".");
    }

    private static string? TextOf(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
