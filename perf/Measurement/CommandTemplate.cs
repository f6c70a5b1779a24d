using System.Text;

namespace ChainOfSpot.Measurement;

/// <summary>A command line with placeholders, such as <c>llama-bench -m {model}</c>.</summary>
/// <param name="text">Words apart by spaces; a placeholder may be part of a word. Quotes keep spaces in a word.</param>
public sealed class CommandTemplate(string text)
{
    private readonly string[] _words = [.. Split(text ?? throw new ArgumentNullException(nameof(text)))];

    /// <summary>The template as it was given.</summary>
    public string Text { get; } = text;

    /// <summary>Whether there is no word in it.</summary>
    public bool IsEmpty => _words.Length == 0;

    /// <summary>Program and arguments, each placeholder, such as <c>{model}</c>, replaced by its value.</summary>
    public IReadOnlyList<string> Words(params IReadOnlyCollection<(string Placeholder, string Value)> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return [.. _words.Select(word => values.Aggregate(word, (w, v) => w.Replace(v.Placeholder, v.Value, StringComparison.Ordinal)))];
    }

    private static IEnumerable<string> Split(string template)
    {
        var word = new StringBuilder();
        bool quoted = false;
        bool any = false;
        foreach (char c in template)
        {
            if (c == '"')
                (quoted, any) = (!quoted, true);
            else if (c == ' ' && !quoted)
            {
                if (any)
                    yield return word.ToString();
                word.Clear();
                any = false;
            }
            else
            {
                word.Append(c);
                any = true;
            }
        }
        if (any)
            yield return word.ToString();
    }
}
