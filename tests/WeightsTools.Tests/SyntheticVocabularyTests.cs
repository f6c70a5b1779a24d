using ChainOfSpot.Text;
using ChainOfSpot.WeightsTools.Models;
using CsCheck;

namespace ChainOfSpot.WeightsTools.Tests;

public sealed class SyntheticVocabularyTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(354)]
    [InlineData(512)]
    [InlineData(32000)]
    [InlineData(40000)]
    public void A_written_vocabulary_is_read_back(int count)
    {
        Vocabulary vocabulary = SyntheticVocabulary.Create(count);
        Assert.Equal(count, vocabulary.Pieces.Count);
        Assert.Equal(count, vocabulary.Pieces.Distinct().Count());
        File.WriteAllBytes(_path, SentencePieceWriter.ToBytes(vocabulary));
        Vocabulary read = Vocabulary.Of(LlamaTokenizer.FromFile(_path));
        Assert.Equal(vocabulary.Pieces, read.Pieces);
        Assert.Equal(vocabulary.Scores, read.Scores);
        Assert.Equal(vocabulary.Types, read.Types);
        Assert.Equal((1, 2, 0), (read.BosId, read.EosId, read.UnkId));
    }

    [Fact]
    public void Any_text_comes_back()
    {
        LlamaTokenizer tokenizer = Tokenizer(32000);
        Gen.String.Sample(text =>
        {
            string wellFormed = new([.. text.EnumerateRunes().SelectMany(rune => rune.ToString())]);
            return tokenizer.Decode(tokenizer.Encode(wellFormed)) == wellFormed.Replace('\u2581', ' ');
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void Prompts_have_about_as_many_tokens_as_with_the_real_vocabulary()
    {
        // Vicuna's system prompt has 34 pieces with LLaMA's vocabulary.
        int[] ids = Tokenizer(32000).Encode(
            "A chat between a curious user and an artificial intelligence assistant. "
            + "The assistant gives helpful, detailed, and polite answers to the user's questions.");
        Assert.InRange(ids.Length, 28, 40);
        Assert.Equal(["▁", "0", ".", "1", "2", "5"], Tokenizer(32000).Encode("0.125").Select(Tokenizer(32000).Piece));
    }

    [Fact]
    public void Padding_for_gguf_can_be_taken_off()
    {
        Vocabulary vocabulary = SyntheticVocabulary.Create(512);
        Vocabulary padded = vocabulary.PaddedTo(576);
        Assert.Equal(576, padded.Pieces.Distinct().Count());
        Vocabulary trimmed = padded.Trimmed();
        Assert.Equal(vocabulary.Pieces, trimmed.Pieces);
        Assert.Equal(vocabulary.Scores, trimmed.Scores);
    }

    private LlamaTokenizer Tokenizer(int count)
    {
        File.WriteAllBytes(_path, SentencePieceWriter.ToBytes(SyntheticVocabulary.Create(count)));
        return LlamaTokenizer.FromFile(_path);
    }
}
