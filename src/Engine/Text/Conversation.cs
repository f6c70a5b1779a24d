using System.Text;

namespace ChainOfSpot.Text;

/// <summary>
/// A conversation in LLaVA-1.5's template <c>vicuna_v1</c>, as the ids a model is asked with:
/// <code>{system} USER: {turn} ASSISTANT: {answer}&lt;/s&gt;USER: {turn} ASSISTANT:</code>
/// Images cut the text into chunks, and the end marks of answers cut a chunk into parts. Each part is tokenized by itself; one
/// begin id stands before everything. Ids come from the text of an answer, not from the ids it was generated with, as in the
/// official code; so what was said before is a prefix of what is said after wherever the two agree.
/// Marks are put here and never read from text: what a user or a model wrote is ordinary text.
/// </summary>
public sealed class Conversation
{
    /// <summary>Stands in the ids for an image, whose features take its place.</summary>
    public const int ImageToken = -200;

    /// <summary>What the system says before the first turn.</summary>
    internal const string System = "A chat between a curious user and an artificial intelligence assistant. "
        + "The assistant gives helpful, detailed, and polite answers to the user's questions.";

    private readonly LlamaTokenizer _tokenizer;
    private readonly AfterEosRule _afterEosRule;
    private readonly List<int> _ids;

    /// <summary>The part that is still open: text after the last mark.</summary>
    private readonly StringBuilder _part = new(System + " ");
    private bool _isAfterEos;

    /// <summary>Starts a conversation: so far it holds the system's words.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="afterEosRule">How the model reads text after an end mark.</param>
    public Conversation(LlamaTokenizer tokenizer, AfterEosRule afterEosRule)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _afterEosRule = afterEosRule;
        _ids = [tokenizer.BosId];
    }

    /// <summary>Adds a user's turn with one image in it, and asks for the answer.</summary>
    /// <param name="beforeImage">The text of the turn before the image.</param>
    /// <param name="afterImage">The text of the turn after the image.</param>
    /// <returns>This conversation.</returns>
    public Conversation Ask(string beforeImage, string afterImage)
    {
        _part.Append("USER: ").Append(beforeImage);
        EndPart(ImageToken);
        _part.Append(afterImage).Append(" ASSISTANT:");
        return this;
    }

    /// <summary>Adds a user's turn without an image, and asks for the answer.</summary>
    /// <param name="text">The text of the turn.</param>
    /// <returns>This conversation.</returns>
    public Conversation Ask(string text)
    {
        _part.Append("USER: ").Append(text).Append(" ASSISTANT:");
        return this;
    }

    /// <summary>Adds the assistant's answer. An empty one leaves no end mark behind, as in the official template.</summary>
    /// <param name="text">The text of the answer.</param>
    /// <returns>This conversation.</returns>
    public Conversation Answer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > 0)
        {
            _part.Append(' ').Append(text);
            EndPart(_tokenizer.EosId);
        }
        return this;
    }

    /// <summary>The ids of everything said so far, begin id first, <see cref="ImageToken"/> for each image.</summary>
    public int[] ToIds() => [.. _ids, .. EncodePart()];

    private void EndPart(int mark)
    {
        _ids.AddRange(EncodePart());
        _ids.Add(mark);
        _part.Clear();
        _isAfterEos = mark == _tokenizer.EosId;
    }

    private int[] EncodePart()
    {
        string text = _part.ToString();
        return _isAfterEos ? _tokenizer.EncodeAfterEos(text, _afterEosRule) : _tokenizer.Encode(text);
    }
}
