using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Text;

public sealed class SentencePieceModelTests
{
    private static readonly byte[] Model = File.ReadAllBytes(Vocabularies.SmallPath);

    [Fact]
    public void Every_truncation_is_refused_by_name()
    {
        for (int length = 0; length < Model.Length; length++)
        {
            var error = Assert.Throws<InvalidDataException>(() => SentencePieceModel.Parse("cut.model", Model.AsSpan(0, length)));
            Assert.StartsWith("cut.model: ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Changed_bytes_are_refused_or_give_a_working_tokenizer()
    {
        Gen.Select(Gen.Int[0, Model.Length - 1], Gen.Byte).Array[1, 8].Sample(changes =>
        {
            byte[] changed = [.. Model];
            foreach ((int at, byte value) in changes)
                changed[at] = value;
            try
            {
                LlamaTokenizer tokenizer = SentencePieceModel.Parse("changed.model", changed);
                tokenizer.Decode(tokenizer.Encode("What number is on the red circle? \u00e9"));
            }
            catch (InvalidDataException error)
            {
                Assert.StartsWith("changed.model: ", error.Message, StringComparison.Ordinal);
            }
        }, iter: 2000);
    }

    [Fact]
    public void Random_bytes_are_refused()
    {
        Gen.Byte.Array[0, 200].Sample(
            bytes => Assert.Throws<InvalidDataException>(() => SentencePieceModel.Parse("x", bytes)), iter: 2000);
    }

    [Fact]
    public void Another_kind_of_model_is_refused_with_what_was_expected()
    {
        // trainer_spec (field 2) with model_type (field 3) = 1, unigram; protocol buffers let a later field win.
        byte[] unigram = [.. Model, 0x12, 0x02, 0x18, 0x01];
        Assert.Contains("expected 2 (BPE)", Refused(unigram), StringComparison.Ordinal);

        // normalizer_spec (field 3) with remove_extra_whitespaces (field 4) = true.
        byte[] removesSpaces = [.. Model, 0x1A, 0x02, 0x20, 0x01];
        Assert.Contains("remove_extra_whitespaces false", Refused(removesSpaces), StringComparison.Ordinal);

        // normalizer_spec (field 3) with precompiled_charsmap (field 2) of two bytes.
        byte[] normalizes = [.. Model, 0x1A, 0x04, 0x12, 0x02, 0x01, 0x02];
        Assert.Contains("precompiled_charsmap", Refused(normalizes), StringComparison.Ordinal);

        // trainer_spec with eos_id (field 42) = 600.
        byte[] eosOutside = [.. Model, 0x12, 0x04, 0xD0, 0x02, 0xD8, 0x04];
        Assert.Contains("end token is 600", Refused(eosOutside), StringComparison.Ordinal);

        static string Refused(byte[] bytes) =>
            Assert.Throws<InvalidDataException>(() => SentencePieceModel.Parse("x", bytes)).Message;
    }

    [Fact]
    public void A_vocabulary_without_a_dummy_prefix_reads_text_as_it_stands()
    {
        // normalizer_spec (field 3) with add_dummy_prefix (field 3) = false.
        LlamaTokenizer bare = SentencePieceModel.Parse("bare.model", [.. Model, 0x1A, 0x02, 0x18, 0x00]);
        Assert.False(bare.AddsDummyPrefix);
        foreach (string text in (string[])["What number is on the red circle?", " twice", "", "\n", "[0.1, 0.5]", "\u2581x"])
        {
            int[] ids = bare.Encode(text);
            Assert.Equal(Vocabularies.Small.Encode(text, dummyPrefix: false), ids);
            Assert.Equal(ids, bare.EncodeAfterEos(text, AfterEosRule.PrefixStripped));
            Assert.Equal(text.Replace('\u2581', ' '), bare.Decode(ids));
        }
        Assert.NotEqual(Vocabularies.Small.Encode("What"), bare.Encode("What"));
    }

    [Fact]
    public void A_missing_file_and_a_file_that_is_too_large_are_refused()
    {
        Assert.ThrowsAny<IOException>(() => LlamaTokenizer.FromFile(Path.Combine(Path.GetTempPath(), "no such tokenizer.model")));

        string path = Path.GetTempFileName();
        try
        {
            using (FileStream file = File.OpenWrite(path))
                file.SetLength(33L << 20);
            var error = Assert.Throws<InvalidDataException>(() => LlamaTokenizer.FromFile(path));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
