namespace ChainOfSpot.Text;

/// <summary>What a piece of the vocabulary is for. The numbers are those of SentencePiece's <c>ModelProto.SentencePiece.Type</c>
/// and of GGUF's <c>tokenizer.ggml.token_type</c>.</summary>
public enum PieceType
{
    /// <summary>Ordinary text.</summary>
    Normal = 1,

    /// <summary>The mark for text that has no piece.</summary>
    Unknown = 2,

    /// <summary>A mark with no text, such as the start or the end of a sequence.</summary>
    Control = 3,

    /// <summary>Text that the owner of the vocabulary added by hand, such as an image mark.</summary>
    UserDefined = 4,

    /// <summary>A row of the embedding that no text reaches, such as padding of the vocabulary.</summary>
    Unused = 5,

    /// <summary>One byte, written <c>&lt;0xHH&gt;</c>: the spelling of characters that have no piece.</summary>
    Byte = 6,
}
