namespace ChainOfSpot.Runtime.Weights;

/// <summary>What a piece of a vocabulary is for, numbered as SentencePiece and GGUF do.</summary>
public enum GgufTokenType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>The piece for what no other piece covers.</summary>
    Unknown = 2,

    /// <summary>A mark that text never becomes, such as the begin of a sequence.</summary>
    Control = 3,

    /// <summary>Text that is never split.</summary>
    UserDefined = 4,

    /// <summary>Padding of the vocabulary.</summary>
    Unused = 5,

    /// <summary>One byte, written as in &lt;0x0A&gt;.</summary>
    Byte = 6,
}

/// <summary>The SentencePiece vocabulary of a LLaMA GGUF file (<c>tokenizer.ggml.*</c>).</summary>
public sealed class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";

    private GgufVocabulary(GgufMetadata metadata)
    {
        string model = metadata.GetString(Prefix + "model");
        if (model != "llama")
            throw metadata.Error(Prefix + "model", $"is '{model}'; 'llama' (SentencePiece) was expected");
        Pieces = metadata.GetArray<string>(Prefix + "tokens");
        if (Pieces.Count == 0)
            throw metadata.Error(Prefix + "tokens", "is empty");
        Scores = OnePerPiece<float>(metadata, "scores");
        Types = [.. OnePerPiece<int>(metadata, "token_type").Select(type => (GgufTokenType)type)];
        for (int id = 0; id < Pieces.Count; id++)
        {
            if (!float.IsFinite(Scores[id]))
                throw metadata.Error(Prefix + "scores", $"is {Scores[id]} for token {id}; a finite number was expected");
            if (!Enum.IsDefined(Types[id]))
                throw metadata.Error(Prefix + "token_type", $"is {(int)Types[id]} for token {id}; 1 to 6 was expected");
        }
        BeginId = metadata.GetInteger(Prefix + "bos_token_id", 0, Pieces.Count - 1);
        EndId = metadata.GetInteger(Prefix + "eos_token_id", 0, Pieces.Count - 1);
        UnknownId = metadata.FindInteger(Prefix + "unknown_token_id", 0, Pieces.Count - 1) ?? 0;
        AddsBegin = metadata.FindBoolean(Prefix + "add_bos_token") ?? true;
        AddsEnd = metadata.FindBoolean(Prefix + "add_eos_token") ?? false;
        AddsSpacePrefix = metadata.FindBoolean(Prefix + "add_space_prefix") ?? true;
    }

    /// <summary>Text of every token by its id; a space is written ▁ (U+2581).</summary>
    public IReadOnlyList<string> Pieces { get; }

    /// <summary>Score of every token: of two possible merges the higher one comes first.</summary>
    public IReadOnlyList<float> Scores { get; }

    /// <summary>Type of every token.</summary>
    public IReadOnlyList<GgufTokenType> Types { get; }

    /// <summary>The id of the begin of a sequence, &lt;s&gt;.</summary>
    public int BeginId { get; }

    /// <summary>The id of the end of a sequence, &lt;/s&gt;.</summary>
    public int EndId { get; }

    /// <summary>The id for what no piece covers; 0 where the file does not say.</summary>
    public int UnknownId { get; }

    /// <summary>Whether a sequence starts with <see cref="BeginId"/>; true where the file does not say.</summary>
    public bool AddsBegin { get; }

    /// <summary>Whether a sequence ends with <see cref="EndId"/>; false where the file does not say.</summary>
    public bool AddsEnd { get; }

    /// <summary>Whether text gets a space in front (SentencePiece's dummy prefix); converters copy it from a checkpoint's "add_prefix_space"; true where the file does not say.</summary>
    public bool AddsSpacePrefix { get; }

    /// <summary>Reads and checks the vocabulary.</summary>
    /// <exception cref="WeightFileException">A part is missing, of another type or length, or an id is out of range.</exception>
    public static GgufVocabulary Read(GgufFile file) => new(file.Metadata);

    private IReadOnlyList<T> OnePerPiece<T>(GgufMetadata metadata, string key)
    {
        IReadOnlyList<T> values = metadata.GetArray<T>(Prefix + key);
        return values.Count == Pieces.Count
            ? values
            : throw metadata.Error(Prefix + key, $"has {values.Count} elements for {Pieces.Count} tokens");
    }
}
