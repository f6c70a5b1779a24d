using System.Text.Json;
using System.Text.RegularExpressions;
using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Text;

public sealed partial class LlamaTokenizerTests
{
    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.String[Gen.Char['\0', '\uFFFF'], 0, 60],
        Gen.String[Gen.Char[" \n\t\u2581<>/s_0123456789.,[]!aehinorst"], 0, 60],
        Gen.Int[0x10000, 0x10FFFF].Select(char.ConvertFromUtf32).Array[0, 10].Select(string.Concat),
        Gen.Select(Gen.Char, Gen.Int[0, 300], (c, n) => new string(c, n)));

    private static LlamaTokenizer Tiny(string[] pieces, float[] scores, PieceType[] types, int bos = 1, int eos = 2, int unk = 0) =>
        new("tiny", pieces, scores, types, bos, eos, unk);

    [Fact]
    public void All_lines_of_the_published_vectors_agree()
    {
        LlamaTokenizer tokenizer = Vocabularies.Llama();
        string[] texts = File.ReadAllText(Vocabularies.LlamaPath("vectors.inp")).Split("\n__ggml_vocab_test__\n");
        string[] lines = File.ReadAllLines(Vocabularies.LlamaPath("vectors.out"));
        Assert.Equal(46, lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            int[] expected = [.. lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
            Assert.Equal(expected, tokenizer.Encode(texts[i]));
        }
    }

    [Fact]
    public void Equal_joins_are_made_from_the_left()
    {
        Assert.Equal([1738, 6824, 21004], Vocabularies.Llama().Encode("!!!!!!"));
    }

    [Fact]
    public void The_small_vocabulary_gives_the_reference_ids()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Path("gguf", "llm.json")));
        JsonElement texts = reference.RootElement.GetProperty("tokenise");
        Assert.NotEqual(0, texts.GetArrayLength());
        foreach (JsonElement text in texts.EnumerateArray())
        {
            int[] expected = [.. text.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.Equal(expected, Vocabularies.Small.Encode(text.GetProperty("text").GetString()!));
        }
    }

    [Fact]
    public void Text_without_repetitions_agrees_with_another_implementation() => Compare(Vocabularies.SmallPath);

    [Fact]
    public void Text_without_repetitions_agrees_with_another_implementation_on_the_large_vocabulary() =>
        Compare(Vocabularies.LlamaPath("tokenizer.model"));

    private static void Compare(string path)
    {
        LlamaTokenizer ours = LlamaTokenizer.FromFile(path);
        using FileStream file = File.OpenRead(path);
        var theirs = Microsoft.ML.Tokenizers.LlamaTokenizer.Create(file, addBeginOfSentence: false);
        Gen.String[Gen.Char[" aeiouhnrstdlcmpgéß.,'\"0123456789日я"], 1, 24].Where(text => !Repetition().IsMatch(text))
            .Sample(text => ours.Encode(text).SequenceEqual(theirs.EncodeToIds(text)), iter: 5000);
    }

    /// <summary>Two equal neighbours: where a tie between overlapping joins can come from.</summary>
    [GeneratedRegex(@"(.+)\1", RegexOptions.Singleline)]
    private static partial Regex Repetition();

    [Fact]
    public void Any_text_is_encoded_with_ids_of_ordinary_pieces_and_bytes()
    {
        LlamaTokenizer tokenizer = Vocabularies.Small;
        AnyText.Sample(text =>
        {
            int[] marks = [tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId];
            return tokenizer.Encode(text).All(id => id > 2 && id < tokenizer.Count)
                && tokenizer.EncodeAfterEos(text, AfterEosRule.PrefixKept).All(id => !marks.Contains(id))
                && tokenizer.EncodeAfterEos(text, AfterEosRule.NoPrefix).All(id => !marks.Contains(id))
                && tokenizer.EncodeAfterEos(text, AfterEosRule.PrefixStripped).All(id => id < tokenizer.Count);
        }, iter: 5000);
    }

    [Fact]
    public void Decoding_gives_back_what_was_encoded()
    {
        // U+2581 is how the vocabulary writes a space, and an unpaired surrogate is no character.
        AnyText.Where(text => !text.Contains('\u2581'))
            .Select(text => string.Concat(text.EnumerateRunes().Select(rune => rune.ToString())))
            .Sample(text => Vocabularies.Small.Decode(Vocabularies.Small.Encode(text)) == text
                && Vocabularies.Spot.Decode(Vocabularies.Spot.Encode(text)) == text, iter: 5000);
    }

    [Fact]
    public void An_unpaired_surrogate_is_read_as_the_replacement_character()
    {
        Assert.Equal(Vocabularies.Small.Encode("a\uFFFDb"), Vocabularies.Small.Encode("a\uD83Db"));
    }

    [Theory]
    [InlineData("</s>")]
    [InlineData("<s>")]
    [InlineData("<unk>")]
    [InlineData("<0x0A>")]
    [InlineData("<image>")]
    public void A_typed_mark_stays_text(string mark)
    {
        LlamaTokenizer tokenizer = Tiny(
            ["<unk>", "<s>", "</s>", "<image>", "▁", "<", ">", "/", "s"],
            [0, 0, 0, 100, -1, -2, -3, -4, -5],
            [PieceType.Unknown, PieceType.Control, PieceType.Control, PieceType.UserDefined, .. Enumerable.Repeat(PieceType.Normal, 5)]);
        Assert.DoesNotContain(tokenizer.Encode(mark), id => id is 1 or 2 or 3);
        Assert.DoesNotContain(Vocabularies.Small.Encode(mark), id => id < 3 || id == 3 + '\n');
        Assert.Equal(mark, Vocabularies.Small.Decode(Vocabularies.Small.Encode(mark)));
    }

    [Fact]
    public void Without_byte_pieces_unknown_neighbours_become_one_unknown()
    {
        LlamaTokenizer tokenizer = Tiny(
            ["<unk>", "<s>", "</s>", "▁", "a"],
            [0, 0, 0, -1, -2],
            [PieceType.Unknown, PieceType.Control, PieceType.Control, PieceType.Normal, PieceType.Normal]);
        Assert.Equal([3, 0, 4, 0], tokenizer.Encode("xyaz"));
    }

    [Fact]
    public void A_long_question_takes_milliseconds()
    {
        LlamaTokenizer tokenizer = Vocabularies.Small;
        string words = string.Concat(Enumerable.Repeat("What number is on the red circle? ", 600));
        string run = new('!', 20_000);
        // Some 20 ms on two cores; the bound only has to tell n log n from n squared.
        Soon.WithinASecond(() => (tokenizer.Encode(words), tokenizer.Encode(run)));
    }

    [Fact]
    public void The_marks_and_the_size_come_from_the_file()
    {
        LlamaTokenizer tokenizer = Vocabularies.Small;
        Assert.Equal((512, 1, 2, 0), (tokenizer.Count, tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId));
        Assert.Equal(("</s>", "<0x00>", "▁the"), (tokenizer.Piece(2), tokenizer.Piece(3), tokenizer.Piece(262)));
        Assert.True(tokenizer.TryGetId("▁the", out int id));
        Assert.Equal(262, id);
        Assert.False(tokenizer.TryGetId("</s>", out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Piece(512));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Piece(-1));
    }

    [Theory]
    [InlineData("empty", "0 pieces")]
    [InlineData("scores", "2 scores")]
    [InlineData("bos", "begin token is 9")]
    [InlineData("negative", "unknown token is -1")]
    [InlineData("same marks", "expected three ids")]
    [InlineData("nan", "score of piece 3")]
    [InlineData("twice", "pieces 3 and 4 are the same")]
    [InlineData("no text", "piece 4 is empty")]
    [InlineData("byte", "byte piece 4 is \"<0xG1>\"")]
    [InlineData("few bytes", "1 byte pieces")]
    [InlineData("type", "has type 7")]
    public void A_wrong_vocabulary_is_refused_with_what_is_wrong(string what, string message)
    {
        string[] pieces = ["<unk>", "<s>", "</s>", "a", "b"];
        float[] scores = [0, 0, 0, -1, -2];
        PieceType[] types = [PieceType.Unknown, PieceType.Control, PieceType.Control, PieceType.Normal, PieceType.Normal];
        int bos = 1, eos = 2, unk = 0;
        switch (what)
        {
            case "empty": pieces = []; break;
            case "scores": scores = [0, 0]; break;
            case "bos": bos = 9; break;
            case "negative": unk = -1; break;
            case "same marks": eos = 1; break;
            case "nan": scores[3] = float.NaN; break;
            case "twice": pieces[4] = "a"; break;
            case "no text": pieces[4] = ""; break;
            case "byte": (pieces[4], types[4]) = ("<0xG1>", PieceType.Byte); break;
            case "few bytes": (pieces[4], types[4]) = ("<0x41>", PieceType.Byte); break;
            case "type": types[4] = (PieceType)7; break;
        }
        var error = Assert.Throws<InvalidDataException>(() => Tiny(pieces, scores, types, bos, eos, unk));
        Assert.StartsWith("tiny: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
