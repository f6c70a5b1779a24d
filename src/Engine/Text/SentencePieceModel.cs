using System.Buffers.Binary;
using System.Text;

namespace ChainOfSpot.Text;

/// <summary>
/// Reader of SentencePiece's <c>tokenizer.model</c>: a protocol buffer <c>ModelProto</c> (sentencepiece_model.proto), of which
/// the pieces and the fields that change how text is read are taken. A model that reads text otherwise than LLaMA's is refused:
/// the type must be BPE and the normalizer the identity, with or without a dummy prefix and without whitespace removal.
/// </summary>
internal static class SentencePieceModel
{
    private const int MaxFileBytes = 32 << 20;
    private const int ModelPieces = 1, ModelTrainer = 2, ModelNormalizer = 3;
    private const int PieceText = 1, PieceScore = 2, PieceKind = 3;
    private const int TrainerModelType = 3, TrainerWhitespaceAsSuffix = 24, TrainerUnk = 40, TrainerBos = 41, TrainerEos = 42;
    private const int NormalizerCharsMap = 2, NormalizerDummyPrefix = 3, NormalizerRemoveSpaces = 4, NormalizerEscapeSpaces = 5;
    private const int BytePairEncoding = 2;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the vocabulary of a model file.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is corrupt, truncated, larger than 32 MiB or of another kind.</exception>
    public static LlamaTokenizer Read(string path)
    {
        long length = new FileInfo(path).Length;
        if (length > MaxFileBytes)
            throw new InvalidDataException($"{path}: {length} bytes; a tokenizer model has at most {MaxFileBytes}.");
        return Parse(path, File.ReadAllBytes(path));
    }

    /// <summary>Reads the bytes of a model file.</summary>
    /// <param name="path">The file, named in errors.</param>
    /// <param name="bytes">Its content.</param>
    /// <exception cref="InvalidDataException">The bytes are corrupt, truncated or of another kind.</exception>
    public static LlamaTokenizer Parse(string path, ReadOnlySpan<byte> bytes)
    {
        List<string> pieces = [];
        List<float> scores = [];
        List<PieceType> types = [];
        int modelType = 1, unk = 0, bos = 1, eos = 2;
        bool whitespaceAsSuffix = false, charsMap = false, dummyPrefix = true, removeSpaces = true, escapeSpaces = true;

        var model = new Message(path, bytes);
        while (model.Next())
        {
            switch (model.Field)
            {
                case ModelPieces when pieces.Count == LlamaTokenizer.MaxCount:
                    throw new InvalidDataException($"{path}: more than {LlamaTokenizer.MaxCount} pieces.");
                case ModelPieces:
                    string text = "";
                    float score = 0;
                    PieceType type = PieceType.Normal;
                    for (Message piece = model.Nested(); piece.Next();)
                    {
                        if (piece.Field == PieceText) text = piece.String($"piece {pieces.Count}");
                        else if (piece.Field == PieceScore) score = piece.Float();
                        else if (piece.Field == PieceKind) type = (PieceType)piece.Integer();
                    }
                    pieces.Add(text);
                    scores.Add(score);
                    types.Add(type);
                    break;
                case ModelTrainer:
                    for (Message trainer = model.Nested(); trainer.Next();)
                    {
                        if (trainer.Field == TrainerModelType) modelType = trainer.Integer();
                        else if (trainer.Field == TrainerWhitespaceAsSuffix) whitespaceAsSuffix = trainer.Integer() != 0;
                        else if (trainer.Field == TrainerUnk) unk = trainer.Integer();
                        else if (trainer.Field == TrainerBos) bos = trainer.Integer();
                        else if (trainer.Field == TrainerEos) eos = trainer.Integer();
                    }
                    break;
                case ModelNormalizer:
                    for (Message normalizer = model.Nested(); normalizer.Next();)
                    {
                        if (normalizer.Field == NormalizerCharsMap) charsMap = normalizer.Length > 0;
                        else if (normalizer.Field == NormalizerDummyPrefix) dummyPrefix = normalizer.Integer() != 0;
                        else if (normalizer.Field == NormalizerRemoveSpaces) removeSpaces = normalizer.Integer() != 0;
                        else if (normalizer.Field == NormalizerEscapeSpaces) escapeSpaces = normalizer.Integer() != 0;
                    }
                    break;
            }
        }

        if (modelType != BytePairEncoding)
            throw new InvalidDataException($"{path}: trainer_spec.model_type is {modelType}, expected {BytePairEncoding} (BPE).");
        if (charsMap || removeSpaces || !escapeSpaces || whitespaceAsSuffix)
        {
            throw new InvalidDataException($"{path}: normalizer_spec is not LLaMA's: expected no precompiled_charsmap, "
                + "remove_extra_whitespaces false, escape_whitespaces true, and spaces before words.");
        }
        return new LlamaTokenizer(path, [.. pieces], [.. scores], [.. types], bos, eos, unk, dummyPrefix);
    }

    /// <summary>A walk over the fields of one protocol buffer message; every read is checked against its end.</summary>
    private ref struct Message(string path, ReadOnlySpan<byte> bytes)
    {
        private const int Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5;

        private ReadOnlySpan<byte> _rest = bytes;
        private ReadOnlySpan<byte> _content;
        private ulong _number;
        private int _wireType;

        /// <summary>The number of the current field.</summary>
        public int Field { get; private set; }

        /// <summary>Steps to the next field; false at the end.</summary>
        public bool Next()
        {
            if (_rest.IsEmpty)
                return false;
            ulong tag = ReadVarint();
            if (tag >> 3 is 0 or > 0x1FFFFFFF)
                throw Corrupt($"field number {tag >> 3}");
            Field = (int)(tag >> 3);
            _wireType = (int)(tag & 7);
            switch (_wireType)
            {
                case Varint:
                    _number = ReadVarint();
                    break;
                case Fixed64:
                    _content = Take(8);
                    break;
                case LengthDelimited:
                    _content = Take(ReadVarint());
                    break;
                case Fixed32:
                    _content = Take(4);
                    break;
                default:
                    throw Corrupt($"wire type {_wireType} of field {Field}");
            }
            return true;
        }

        /// <summary>The number of bytes of the current field, which is not a number.</summary>
        public readonly int Length
        {
            get
            {
                Expect(LengthDelimited);
                return _content.Length;
            }
        }

        public readonly int Integer()
        {
            Expect(Varint);
            return (int)_number;
        }

        public readonly float Float()
        {
            Expect(Fixed32);
            return BinaryPrimitives.ReadSingleLittleEndian(_content);
        }

        public readonly string String(string what)
        {
            Expect(LengthDelimited);
            try
            {
                return StrictUtf8.GetString(_content);
            }
            catch (DecoderFallbackException)
            {
                throw Corrupt($"text of {what}, which is not UTF-8");
            }
        }

        public readonly Message Nested()
        {
            Expect(LengthDelimited);
            return new Message(path, _content);
        }

        private ulong ReadVarint()
        {
            ulong value = 0;
            for (int shift = 0; shift < 64; shift += 7)
            {
                byte next = Take(1)[0];
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                    return value;
            }
            throw Corrupt("number of more than ten bytes");
        }

        private ReadOnlySpan<byte> Take(ulong count)
        {
            if (count > (ulong)_rest.Length)
                throw Corrupt($"field that claims {count} bytes where {_rest.Length} are left (truncated file?)");
            ReadOnlySpan<byte> taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }

        private readonly void Expect(int wireType)
        {
            if (_wireType != wireType)
                throw Corrupt($"wire type {_wireType} of field {Field}, expected {wireType}");
        }

        private readonly InvalidDataException Corrupt(string what) => new($"{path}: no SentencePiece model: it has a {what}.");
    }
}
