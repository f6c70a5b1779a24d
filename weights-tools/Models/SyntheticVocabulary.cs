using ChainOfSpot.Text;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>
/// A vocabulary of any size in LLaMA's order (marks, bytes, joined pieces by falling score, single characters), made by rule, so
/// that a random model has a tokenizer of its own. Common words are one piece each and other words two or three, numbers are
/// spelt digit by digit: prompts get about as many tokens as with LLaMA's.
/// </summary>
internal static class SyntheticVocabulary
{
    private const char Space = '\u2581';
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    // The words of LLaVA's and Chain-of-Spot's prompts, then common ones of questions and answers.
    private const string Words = """
        A chat between a curious user and an artificial intelligence assistant . The assistant gives helpful detailed polite answers
        to the user 's questions USER : ASSISTANT To answer the question what is region of interest in image where Answer using
        single word or phrase option letter from given choices directly the of and in to is it on that this with for as at by are
        was be have has how many who which when why does do did can could there not no yes man woman people person child dog cat
        car bus train street sign color red green blue yellow white black number written shown picture photo left right top bottom
        behind front under over near holding wearing sitting standing looking made kind type food table chair room water sky tree
        """;

    /// <summary>Marks, bytes and single characters, without which no text can be written.</summary>
    public static int SmallestCount => Marks.Count + 256 + Characters.Count();

    private static IReadOnlyList<string> Marks => ["<unk>", "<s>", "</s>"];

    private static IEnumerable<string> Characters =>
        Enumerable.Range(0x21, 0x7F - 0x21).Select(c => ((char)c).ToString()).Prepend(Space.ToString());

    /// <summary>Makes a vocabulary of <paramref name="count"/> pieces, at least <see cref="SmallestCount"/>.</summary>
    public static Vocabulary Create(int count)
    {
        List<string> pieces = [.. Marks, .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>")];
        int firstJoined = pieces.Count;
        pieces.AddRange(JoinedPieces().Distinct().Take(count - SmallestCount));
        pieces.AddRange(Characters);
        return new Vocabulary(
            pieces,
            [.. pieces.Select((_, id) => id < firstJoined ? 0f : firstJoined - id)],
            [.. pieces.Select((_, id) => id == 0 ? PieceType.Unknown
                : id < Marks.Count ? PieceType.Control
                : id < firstJoined ? PieceType.Byte
                : PieceType.Normal)],
            BosId: 1,
            EosId: 2,
            UnkId: 0);
    }

    /// <summary>
    /// Every piece stands behind its own beginnings, and pieces that begin words behind none that do not: so joining runs through
    /// a word from its begin, one character at a time.
    /// </summary>
    private static IEnumerable<string> JoinedPieces()
    {
        foreach (char letter in Letters + Letters.ToUpperInvariant())
            yield return $"{Space}{letter}";
        foreach (string word in Words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            for (int length = 1; length <= word.Length; length++)
                yield return Space + word[..length];
        }
        foreach (string text in Texts(2).Concat(Texts(3)))
            yield return Space + text;
        for (int length = 2; ; length++)
        {
            foreach (string text in Texts(length))
                yield return text;
        }
    }

    /// <summary>All texts of a length, in the order of the alphabet.</summary>
    private static IEnumerable<string> Texts(int length) =>
        length == 0 ? [""] : Texts(length - 1).SelectMany(_ => Letters, (text, letter) => text + letter);
}
