using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>
/// Writes a SentencePiece <c>tokenizer.model</c>: the protocol buffer <c>ModelProto</c> (sentencepiece_model.proto) with the
/// settings of LLaMA: byte-pair encoding, byte fallback, identity normalizer, dummy prefix, no whitespace removal.
/// </summary>
internal static class SentencePieceWriter
{
    private const int ModelPieces = 1, ModelTrainer = 2, ModelNormalizer = 3;
    private const int PieceText = 1, PieceScore = 2, PieceKind = 3;
    private const int TrainerModelType = 3, TrainerVocabularySize = 4, TrainerByteFallback = 35;
    private const int TrainerUnk = 40, TrainerBos = 41, TrainerEos = 42, TrainerPad = 43;
    private const int NormalizerName = 1, NormalizerDummyPrefix = 3, NormalizerRemoveSpaces = 4, NormalizerEscapeSpaces = 5;
    private const int BytePairEncoding = 2;

    /// <summary>The bytes of the file.</summary>
    public static byte[] ToBytes(Vocabulary vocabulary)
    {
        var model = new Message();
        for (int id = 0; id < vocabulary.Pieces.Count; id++)
        {
            var piece = new Message();
            piece.Add(PieceText, Encoding.UTF8.GetBytes(vocabulary.Pieces[id]));
            piece.Add(PieceScore, vocabulary.Scores[id]);
            if (vocabulary.Types[id] != PieceType.Normal)
                piece.Add(PieceKind, (int)vocabulary.Types[id]);
            model.Add(ModelPieces, piece.Bytes);
        }

        var trainer = new Message();
        trainer.Add(TrainerModelType, BytePairEncoding);
        trainer.Add(TrainerVocabularySize, vocabulary.Pieces.Count);
        trainer.Add(TrainerByteFallback, vocabulary.Types.Contains(PieceType.Byte) ? 1 : 0);
        trainer.Add(TrainerUnk, vocabulary.UnkId);
        trainer.Add(TrainerBos, vocabulary.BosId);
        trainer.Add(TrainerEos, vocabulary.EosId);
        trainer.Add(TrainerPad, -1);
        model.Add(ModelTrainer, trainer.Bytes);

        var normalizer = new Message();
        normalizer.Add(NormalizerName, "identity"u8);
        normalizer.Add(NormalizerDummyPrefix, vocabulary.AddsDummyPrefix ? 1 : 0);
        normalizer.Add(NormalizerRemoveSpaces, 0);
        normalizer.Add(NormalizerEscapeSpaces, 1);
        model.Add(ModelNormalizer, normalizer.Bytes);
        return model.Bytes.ToArray();
    }

    /// <summary>A protocol buffer message that grows field by field.</summary>
    private sealed class Message
    {
        private const int Varint = 0, LengthDelimited = 2, Fixed32 = 5;

        private readonly ArrayBufferWriter<byte> _bytes = new();

        public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

        public void Add(int field, int value)
        {
            Write(((uint)field << 3) | Varint);
            Write((ulong)(long)value);
        }

        public void Add(int field, float value)
        {
            Write(((uint)field << 3) | Fixed32);
            Span<byte> bytes = stackalloc byte[sizeof(float)];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void Add(int field, ReadOnlySpan<byte> content)
        {
            Write(((uint)field << 3) | LengthDelimited);
            Write((ulong)content.Length);
            _bytes.Write(content);
        }

        private void Write(ulong number)
        {
            while (number >= 0x80)
            {
                _bytes.Write([(byte)(number | 0x80)]);
                number >>= 7;
            }
            _bytes.Write([(byte)number]);
        }
    }
}
