using System.Globalization;
using System.Text;

namespace ChainOfSpot.Text;

/// <summary>
/// LLaMA's tokenizer: SentencePiece byte-pair encoding with byte fallback, identity normalizer, dummy prefix (which a vocabulary may
/// switch off) and no whitespace removal. Text becomes ids by joining, again and again, the two neighbours whose joint piece has the highest score (the
/// leftmost of equals), starting from single characters; what then has no piece is spelt in bytes.
/// <para>
/// Only ordinary pieces are ever made from text: a <c>&lt;/s&gt;</c>, <c>&lt;s&gt;</c>, <c>&lt;unk&gt;</c>, <c>&lt;0x0A&gt;</c> or
/// <c>&lt;image&gt;</c> that somebody typed stays the characters it is written with, so no text can end a turn or add an image.
/// </para>
/// <para>
/// Written here and not taken from Microsoft.ML.Tokenizers, which breaks ties between equal joins from the right where
/// SentencePiece does from the left ("!!!!!!" differs), keeps the scores to itself, and reads model files but not the arrays
/// that a GGUF file holds. It stays the second opinion of the tests, on text without such ties.
/// </para>
/// Immutable, and so safe for use by many threads.
/// </summary>
public sealed class LlamaTokenizer
{
    /// <summary>The largest vocabulary that is accepted.</summary>
    public const int MaxCount = 1 << 20;

    /// <summary>SentencePiece's visible stand-in for a space, U+2581.</summary>
    private const char SpaceMark = '\u2581';

    /// <summary>What SentencePiece prints for the unknown piece.</summary>
    private const string UnknownText = " \u2047 ";

    private readonly string[] _pieces;
    private readonly float[] _scores;
    private readonly PieceType[] _types;

    /// <summary>The text of each piece, or null where it stands for a byte.</summary>
    private readonly string?[] _texts;

    /// <summary>The id of each piece that text can become.</summary>
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;

    /// <summary>The id of each byte; empty where the vocabulary has no byte pieces.</summary>
    private readonly int[] _byteIds = [];

    private readonly int _longestPiece;

    /// <summary>Makes a tokenizer of a vocabulary that is already in memory, such as that of a GGUF file.</summary>
    /// <param name="source">Where the vocabulary comes from; named in errors.</param>
    /// <param name="pieces">The pieces in the order of their ids, spaces written as U+2581.</param>
    /// <param name="scores">The score of each piece; the highest is joined first.</param>
    /// <param name="types">The type of each piece.</param>
    /// <param name="bosId">The id that begins a sequence.</param>
    /// <param name="eosId">The id that ends a sequence.</param>
    /// <param name="unkId">The id of text without a piece.</param>
    /// <param name="addsDummyPrefix">Whether text is read as if a space stood before it.</param>
    /// <exception cref="InvalidDataException">The vocabulary is empty, too large or inconsistent; the message says where.</exception>
    public LlamaTokenizer(
        string source, string[] pieces, float[] scores, PieceType[] types, int bosId, int eosId, int unkId, bool addsDummyPrefix = true)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(types);

        InvalidDataException Invalid(string problem) => new($"{source}: {problem}");
        if (pieces.Length is 0 or > MaxCount)
            throw Invalid($"a vocabulary of {pieces.Length} pieces, expected 1 to {MaxCount}.");
        if (scores.Length != pieces.Length || types.Length != pieces.Length)
            throw Invalid($"{pieces.Length} pieces, {scores.Length} scores and {types.Length} types, expected equally many.");
        foreach ((string name, int id) in new[] { ("begin", bosId), ("end", eosId), ("unknown", unkId) })
        {
            if ((uint)id >= (uint)pieces.Length)
                throw Invalid($"the {name} token is {id}, expected an id below {pieces.Length}.");
        }
        if (bosId == eosId || bosId == unkId || eosId == unkId)
            throw Invalid($"begin, end and unknown tokens are {bosId}, {eosId} and {unkId}, expected three ids.");

        var ids = new Dictionary<string, int>(pieces.Length, StringComparer.Ordinal);
        var byteIds = new int[256];
        int byteCount = 0;
        _texts = new string?[pieces.Length];
        for (int id = 0; id < pieces.Length; id++)
        {
            string piece = pieces[id];
            bool isMark = id == bosId || id == eosId || types[id] is PieceType.Control;
            _texts[id] = isMark ? "" : id == unkId || types[id] is PieceType.Unknown ? UnknownText : piece.Replace(SpaceMark, ' ');
            switch (types[id])
            {
                case PieceType.Normal when id != bosId && id != eosId && id != unkId:
                    if (piece.Length == 0)
                        throw Invalid($"piece {id} is empty.");
                    if (!float.IsFinite(scores[id]))
                        throw Invalid($"the score of piece {id} (\"{piece}\") is {scores[id]}, expected a finite number.");
                    if (!ids.TryAdd(piece, id))
                        throw Invalid($"pieces {ids[piece]} and {id} are the same (\"{piece}\").");
                    _longestPiece = Math.Max(_longestPiece, piece.Length);
                    break;
                case PieceType.Byte:
                    if (piece.Length != 6 || !piece.StartsWith("<0x", StringComparison.Ordinal) || piece[5] != '>'
                        || !byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
                    {
                        throw Invalid($"byte piece {id} is \"{piece}\", expected <0x00> to <0xFF>.");
                    }
                    byteIds[value] = id;
                    _texts[id] = null;
                    byteCount++;
                    break;
                case < PieceType.Normal or > PieceType.Byte:
                    throw Invalid($"piece {id} (\"{piece}\") has type {(int)types[id]}, expected 1 to 6.");
            }
        }
        if (byteCount != 0)
        {
            if (byteCount != 256 || byteIds.Distinct().Count() != 256)
                throw Invalid($"{byteCount} byte pieces, expected one for each of the 256 bytes, or none.");
            _byteIds = byteIds;
        }

        _pieces = pieces;
        _scores = scores;
        _types = types;
        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        (BosId, EosId, UnkId, AddsDummyPrefix) = (bosId, eosId, unkId, addsDummyPrefix);
    }

    /// <summary>Reads a SentencePiece <c>tokenizer.model</c>.</summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>Its tokenizer.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is corrupt, truncated, larger than 32 MiB, or not a byte-pair model with
    /// LLaMA's reading of text.</exception>
    public static LlamaTokenizer FromFile(string path) => SentencePieceModel.Read(path);

    /// <summary>The number of pieces. A model may have more rows than that; ids from here on have no text.</summary>
    public int Count => _pieces.Length;

    /// <summary>The id that begins a sequence; <see cref="Encode"/> does not add it.</summary>
    public int BosId { get; }

    /// <summary>The id that ends a sequence or an assistant's turn.</summary>
    public int EosId { get; }

    /// <summary>The id of text that has no piece.</summary>
    public int UnkId { get; }

    /// <summary>Whether text is read as if a space stood before it.</summary>
    public bool AddsDummyPrefix { get; }

    /// <summary>The score of each piece.</summary>
    internal IReadOnlyList<float> Scores => _scores;

    /// <summary>What each piece is for.</summary>
    internal IReadOnlyList<PieceType> Types => _types;

    /// <summary>The piece with an id as the vocabulary writes it: a space is U+2581, a byte <c>&lt;0xHH&gt;</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such id.</exception>
    public string Piece(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, _pieces.Length);
        return _pieces[id];
    }

    /// <summary>Finds the id of an ordinary piece.</summary>
    /// <param name="piece">The piece as the vocabulary writes it.</param>
    /// <param name="id">Its id.</param>
    /// <returns>False where there is no such ordinary piece; marks and bytes are not ordinary.</returns>
    public bool TryGetId(ReadOnlySpan<char> piece, out int id) => _ids.TryGetValue(piece, out id);

    /// <summary>The ids of a text, without a begin id. An unpaired surrogate is read as U+FFFD; empty text has no ids.</summary>
    /// <param name="text">Any text; n characters take O(n log n) time and O(n) memory.</param>
    /// <param name="dummyPrefix">False for text without a dummy prefix, whether the vocabulary adds one or not.</param>
    public int[] Encode(string text, bool dummyPrefix = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0)
            return [];
        string normalized = (dummyPrefix && AddsDummyPrefix ? SpaceMark + text : text).Replace(' ', SpaceMark);
        var ids = new List<int>(normalized.Length / 3 + 1);
        foreach (Range symbol in BytePairMerge.Split(normalized, this))
            AppendId(ids, normalized.AsSpan(symbol));
        return [.. ids];
    }

    /// <summary>The ids of a text that follows an end-of-sequence mark.</summary>
    /// <param name="text">The text behind the mark.</param>
    /// <param name="rule">The reading that the model was trained with.</param>
    public int[] EncodeAfterEos(string text, AfterEosRule rule)
    {
        int[] ids = Encode(text, dummyPrefix: rule != AfterEosRule.NoPrefix);
        if (rule != AfterEosRule.PrefixStripped || ids.Length == 0 || text[0] is ' ' or SpaceMark)
            return ids;
        string first = _pieces[ids[0]];
        if (first[0] != SpaceMark)
            return ids;
        if (first.Length == 1)
            return ids[1..];
        ids[0] = TryGetId(first.AsSpan(1), out int id) ? id : UnkId;
        return ids;
    }

    /// <summary>
    /// The text of generated ids, as a slow Hugging Face tokenizer gives it with special tokens skipped: one leading space, the
    /// dummy prefix, is dropped where the vocabulary adds one; marks and ids beyond the vocabulary have no text; each byte that is part of no UTF-8 character
    /// becomes U+FFFD; the unknown piece is " ⁇ ".
    /// </summary>
    /// <param name="ids">Ids of one answer, from its start.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var decoder = new StreamingDecoder(this);
        var text = new StringBuilder();
        foreach (int id in ids)
            text.Append(decoder.Append(id));
        return text.Append(decoder.Complete()).ToString();
    }

    /// <summary>The text of one id with its spaces; null where it stands for the byte <paramref name="value"/>.</summary>
    internal string? TextOf(int id, out byte value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        value = 0;
        if (id >= _texts.Length)
            return "";
        string? text = _texts[id];
        if (text is null)
            value = byte.Parse(_pieces[id].AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return text;
    }

    /// <summary>Whether the text is a piece that joining may make, and its score.</summary>
    internal bool TryGetScore(ReadOnlySpan<char> text, out float score)
    {
        if (text.Length <= _longestPiece && _ids.TryGetValue(text, out int id))
        {
            score = _scores[id];
            return true;
        }
        score = 0;
        return false;
    }

    /// <summary>Appends the id of a piece, or of the bytes of a character that has none.</summary>
    private void AppendId(List<int> ids, ReadOnlySpan<char> symbol)
    {
        if (_ids.TryGetValue(symbol, out int id))
        {
            ids.Add(id);
        }
        else if (_byteIds.Length != 0)
        {
            // A symbol without a piece was never joined: it is one character, at most four bytes.
            Span<byte> bytes = stackalloc byte[4];
            int count = Encoding.UTF8.GetBytes(symbol, bytes);
            foreach (byte value in bytes[..count])
                ids.Add(_byteIds[value]);
        }
        else if (ids.Count == 0 || ids[^1] != UnkId)
        {
            // SentencePiece joins neighbours without a piece into one unknown.
            ids.Add(UnkId);
        }
    }
}
