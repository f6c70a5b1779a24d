using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>A SentencePiece vocabulary with byte fallback, as <c>tokenizer.model</c> and GGUF files hold it.</summary>
/// <param name="Pieces">The pieces by id; a space is U+2581.</param>
/// <param name="Scores">Their scores; of two possible joins the higher one comes first.</param>
/// <param name="Types">What they are for.</param>
/// <param name="BosId">Begins a sequence.</param>
/// <param name="EosId">Ends a sequence.</param>
/// <param name="UnkId">Stands for what no piece covers.</param>
/// <param name="AddsDummyPrefix">Whether text is read as if a space stood before it.</param>
internal sealed record Vocabulary(
    IReadOnlyList<string> Pieces,
    IReadOnlyList<float> Scores,
    IReadOnlyList<PieceType> Types,
    int BosId,
    int EosId,
    int UnkId,
    bool AddsDummyPrefix = true)
{
    public const string ImagePiece = "<image>";
    public const string PadPiece = "<pad>";

    /// <summary>Rows of the embedding that Hugging Face checkpoints add behind the pieces: the image mark and padding.</summary>
    public const int AddedTokens = 2;

    private const int RowMultiple = 64;

    /// <summary>The vocabulary of a tokenizer.</summary>
    public static Vocabulary Of(LlamaTokenizer tokenizer) => new(
        [.. Enumerable.Range(0, tokenizer.Count).Select(tokenizer.Piece)],
        tokenizer.Scores,
        tokenizer.Types,
        tokenizer.BosId,
        tokenizer.EosId,
        tokenizer.UnkId,
        tokenizer.AddsDummyPrefix);

    /// <summary>Rows that a Hugging Face embedding has for this many pieces: room for the added tokens, a multiple of 64.</summary>
    public static int PaddedRows(int pieces) => (pieces + AddedTokens + RowMultiple - 1) / RowMultiple * RowMultiple;

    /// <summary>
    /// The vocabulary with one piece a row of the embedding, as GGUF needs it: marks for picture and padding, then unused pieces.
    /// </summary>
    public Vocabulary PaddedTo(int rows)
    {
        string[] added = [.. Enumerable.Range(Pieces.Count, rows - Pieces.Count).Select((id, i) => i switch
        {
            0 => ImagePiece,
            1 => PadPiece,
            _ => $"[PAD{id}]",
        })];
        return this with
        {
            Pieces = [.. Pieces, .. added],
            Scores = [.. Scores, .. added.Select(_ => -1000f)],
            Types = [.. Types, .. added.Select((_, i) => i < AddedTokens ? PieceType.Control : PieceType.Unused)],
        };
    }

    /// <summary>The vocabulary without what <see cref="PaddedTo"/> (or another converter) put behind its pieces.</summary>
    public Vocabulary Trimmed()
    {
        int count = Pieces.Count;
        while (count > 0 && Types[count - 1] is PieceType.Unused or PieceType.Control or PieceType.UserDefined)
            count--;
        return this with { Pieces = [.. Pieces.Take(count)], Scores = [.. Scores.Take(count)], Types = [.. Types.Take(count)] };
    }
}
