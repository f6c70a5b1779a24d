using System.Text;
using ChainOfSpot.Text;

namespace ChainOfSpot.Sessions;

/// <summary>
/// The text of an answer as its tokens come: without white space around, and only up to the first stop text. What is given out
/// is final: white space that may be the end, and text that may begin a stop text, wait for what follows.
/// </summary>
internal sealed class AnswerText(LlamaTokenizer tokenizer, IReadOnlyList<string> stopTexts)
{
    private readonly StreamingDecoder _decoder = new(tokenizer);
    private readonly StringBuilder _given = new();
    private string _waiting = "";
    private bool _stopped;

    /// <summary>All that was given out.</summary>
    public string Text => _given.ToString();

    /// <summary>Takes the next token.</summary>
    /// <param name="id">The token.</param>
    /// <param name="text">What is final now and was not before; often empty.</param>
    /// <returns>Whether a stop text ends the answer here.</returns>
    public bool Append(int id, out string text)
    {
        text = Take(_decoder.Append(id), isEnd: false);
        return _stopped;
    }

    /// <summary>Ends the text and gives out what still waits.</summary>
    public string Complete() => Take(_decoder.Complete(), isEnd: true);

    private string Take(string more, bool isEnd)
    {
        if (_stopped)
            return "";
        _waiting += more;
        if (_given.Length == 0)
            _waiting = _waiting.TrimStart();
        int end = StopIndex();
        if (end >= 0)
        {
            _stopped = true;
            _waiting = _waiting[..end];
        }
        int final = _waiting.AsSpan(0, isEnd || _stopped ? _waiting.Length : _waiting.Length - LongestBeginning()).TrimEnd().Length;
        string text = _waiting[..final];
        _waiting = _waiting[final..];
        _given.Append(text);
        return text;
    }

    /// <summary>Where the first stop text begins, or -1.</summary>
    private int StopIndex()
    {
        int first = -1;
        foreach (string stop in stopTexts)
        {
            int index = _waiting.IndexOf(stop, StringComparison.Ordinal);
            if (index >= 0 && (first < 0 || index < first))
                first = index;
        }
        return first;
    }

    /// <summary>Characters at the end of what waits that may be the beginning of a stop text.</summary>
    private int LongestBeginning()
    {
        int longest = 0;
        foreach (string stop in stopTexts)
        {
            for (int length = Math.Min(stop.Length - 1, _waiting.Length); length > longest; length--)
            {
                if (_waiting.EndsWith(stop[..length], StringComparison.Ordinal))
                    longest = length;
            }
        }
        return longest;
    }
}
