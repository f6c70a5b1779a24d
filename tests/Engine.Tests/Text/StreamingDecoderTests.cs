using System.Text;
using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Text;

public sealed class StreamingDecoderTests
{
    private const int FirstByte = 3;

    private static string[] Stream(params int[] ids)
    {
        var decoder = new StreamingDecoder(Vocabularies.Small);
        return [.. ids.Select(decoder.Append), decoder.Complete()];
    }

    [Fact]
    public void A_character_waits_for_its_last_byte()
    {
        Assert.Equal(["", "", "", "🦙", "é"[..0], "é", ""], Stream(
            [.. Encoding.UTF8.GetBytes("🦙é").Select(value => FirstByte + value)]));
    }

    [Fact]
    public void Each_wrong_byte_becomes_a_replacement_character()
    {
        Assert.Equal(["", "", "\uFFFD\uFFFD the", ""], Stream(FirstByte + 0xE2, FirstByte + 0x82, 262));
        Assert.Equal(["", "", "\uFFFD\uFFFD"], Stream(FirstByte + 0xE2, FirstByte + 0x82));
        Assert.Equal(["\uFFFD", "A"], Stream(FirstByte + 0x80, FirstByte + 'A')[..2]);
        Assert.Equal(["", "\uFFFDA"], Stream(FirstByte + 0xC3, FirstByte + 'A')[..2]);
    }

    [Fact]
    public void Only_the_first_leading_space_is_the_dummy_prefix()
    {
        Assert.Equal(["the", " the", ""], Stream(262, 262));
        Assert.Equal(["A", " the", ""], Stream(FirstByte + 'A', 262));
        Assert.Equal(["", "the"], Stream(1, 262)[..2]);
    }

    [Fact]
    public void Marks_and_rows_beyond_the_vocabulary_have_no_text()
    {
        Assert.Equal("", Vocabularies.Small.Decode([1, 2, 512, 575, int.MaxValue]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Vocabularies.Small.Decode([-200]));
    }

    [Fact]
    public void The_pieces_of_any_ids_are_whole_characters_and_add_up_to_the_decoded_text()
    {
        Gen<int> id = Gen.OneOf(Gen.Int[0, 520], Gen.Int[FirstByte + 0x80, FirstByte + 0xFF]);
        id.Array[0, 40].Sample(ids =>
        {
            string[] pieces = Stream(ids);
            return string.Concat(pieces) == Vocabularies.Small.Decode(ids)
                && pieces.All(piece => piece.EnumerateRunes().Sum(rune => rune.Utf16SequenceLength) == piece.Length);
        }, iter: 10000);
    }
}
