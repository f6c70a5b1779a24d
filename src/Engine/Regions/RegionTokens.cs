using ChainOfSpot.Text;

namespace ChainOfSpot.Regions;

/// <summary>How a vocabulary spells region texts: the ids of every symbol of <see cref="RegionPrefix"/>.</summary>
internal sealed class RegionTokens
{
    private const string Separator = ", ";

    private readonly int[][] _ids;

    private RegionTokens(int[][] ids)
    {
        _ids = ids;
        (char Symbol, int Id)[] choices =
            [.. RegionPrefix.Symbols.Where(symbol => symbol is not ('[' or '.')).Select(s => (Symbol: s, Id: Of(s)[0])).OrderBy(choice => choice.Id)];
        ChoiceSymbols = [.. choices.Select(choice => choice.Symbol)];
        ChoiceIds = [.. choices.Select(choice => choice.Id)];
    }

    /// <summary>The symbols that there is ever a choice among: digits, the comma and the closing bracket, in the order of their ids.</summary>
    public char[] ChoiceSymbols { get; }

    /// <summary>The first id of each of these.</summary>
    public int[] ChoiceIds { get; }

    /// <summary>The first id of every region text.</summary>
    public int FirstId => _ids[0][0];

    /// <summary>The ids of a symbol.</summary>
    public ReadOnlySpan<int> Of(char symbol) => _ids[RegionPrefix.Symbols.IndexOf(symbol, StringComparison.Ordinal)];

    /// <summary>
    /// Reads from a tokenizer how it spells regions. Null where it does not spell every number digit by digit, each digit and the
    /// point one token of its own, whatever stands beside them: checked on every number from 0.0 to 1.0.
    /// </summary>
    public static RegionTokens? Of(LlamaTokenizer tokenizer)
    {
        var ids = new int[RegionPrefix.Symbols.Length][];
        int[] sample = tokenizer.Encode("[0.0, 0.0]");
        int[] zero = tokenizer.Encode("0", dummyPrefix: false);
        int[] point = tokenizer.Encode(".", dummyPrefix: false);
        if (zero.Length != 1 || point.Length != 1)
            return null;
        int[] number = [zero[0], point[0], zero[0]];
        int first = sample.AsSpan().IndexOf(number);
        int last = sample.AsSpan().LastIndexOf(number);
        if (first < 1 || last < first + number.Length + 1 || last + number.Length >= sample.Length)
            return null;
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = RegionPrefix.Symbols[i] switch
            {
                '[' => sample[..first],
                ',' => sample[(first + number.Length)..last],
                ']' => sample[(last + number.Length)..],
                char other => tokenizer.Encode(other.ToString(), dummyPrefix: false),
            };
        }
        var tokens = new RegionTokens(ids);
        return tokens.ChoiceIds.Distinct().Count() == tokens.ChoiceIds.Length && tokens.Spells(tokenizer) ? tokens : null;
    }

    /// <summary>The ids of a region text.</summary>
    public int[] Encode(string text)
    {
        var ids = new List<int>();
        foreach (char symbol in text.Replace(Separator, ",", StringComparison.Ordinal))
            ids.AddRange(Of(symbol));
        return [.. ids];
    }

    private bool Spells(LlamaTokenizer tokenizer)
    {
        const int Thousand = 1000;
        for (int value = 0; value <= Thousand; value += 2)
        {
            double one = value / (double)Thousand;
            double other = Math.Min(value + 1, Thousand) / (double)Thousand;
            string text = new Region(one, other, other, one).ToString();
            if (!tokenizer.Encode(text).AsSpan().SequenceEqual(Encode(text)))
                return false;
        }
        return true;
    }
}
