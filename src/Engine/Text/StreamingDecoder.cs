using System.Text;

namespace ChainOfSpot.Text;

/// <summary>
/// Turns ids into text as they are generated. Each call gives the text that is final by then; the bytes of an unfinished UTF-8
/// character wait for the rest of it. All pieces together are what <see cref="LlamaTokenizer.Decode"/> gives for all ids.
/// Not safe for use by many threads.
/// </summary>
/// <param name="tokenizer">Whose ids they are.</param>
public sealed class StreamingDecoder(LlamaTokenizer tokenizer)
{
    private const char Replacement = '\uFFFD';

    private readonly byte[] _waiting = new byte[4];
    private int _waitingCount;
    private bool _atStart = tokenizer.AddsDummyPrefix;

    /// <summary>Takes the next id.</summary>
    /// <returns>The text that is final now and was not before; often empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public string Append(int id)
    {
        string? text = tokenizer.TextOf(id, out byte value);
        if (text is null)
        {
            _atStart = false;
            _waiting[_waitingCount++] = value;
            return TakeCharacters(isEnd: false);
        }
        // A mark does not end a run of bytes: the reference drops marks first and decodes then.
        if (text.Length == 0)
            return "";
        string waited = TakeCharacters(isEnd: true);
        if (_atStart && text[0] == ' ' && id != tokenizer.UnkId)
            text = text[1..];
        _atStart = false;
        return waited + text;
    }

    /// <summary>Ends the text: bytes that still wait for the rest of their character become U+FFFD each.</summary>
    public string Complete() => TakeCharacters(isEnd: true);

    private string TakeCharacters(bool isEnd)
    {
        var text = new StringBuilder();
        int taken = 0;
        while (taken < _waitingCount)
        {
            var status = Rune.DecodeFromUtf8(_waiting.AsSpan(taken.._waitingCount), out Rune rune, out int length);
            if (status == System.Buffers.OperationStatus.NeedMoreData && !isEnd)
                break;
            if (status == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune);
                taken += length;
            }
            else
            {
                // One mark for each wrong byte, as SentencePiece does, where .NET would give one for the whole beginning.
                text.Append(Replacement);
                taken++;
            }
        }
        _waiting.AsSpan(taken.._waitingCount).CopyTo(_waiting);
        _waitingCount -= taken;
        return text.ToString();
    }
}
