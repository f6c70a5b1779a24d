using ChainOfSpot.Regions;

namespace ChainOfSpot.Sessions;

/// <summary>
/// Decodes a region text that can only become a legal one. Where one symbol is legal it is taken without asking the model: its
/// tokens ride with the next forward pass. Where several are, the most likely one is taken by the logits of
/// <see cref="RegionTokens.ChoiceIds"/>, the only rows of the language model's head that are needed.
/// </summary>
internal sealed class RegionDecoding
{
    /// <summary>The most tokens from one choice to the next: a digit, the comma's two, the next number's first digit and its point.</summary>
    private const int UsualTokens = 8;

    private readonly List<int> _next = new(UsualTokens);
    private RegionPrefix _prefix;

    public RegionDecoding(RegionTokens tokens)
    {
        Tokens = tokens;
        TakeForced();
    }

    private RegionDecoding(RegionTokens tokens, RegionPrefix prefix, char symbol)
    {
        Tokens = tokens;
        _prefix = prefix;
        Take(symbol);
        TakeForced();
    }

    /// <summary>How the vocabulary spells regions.</summary>
    public RegionTokens Tokens { get; }

    /// <summary>The tokens since the last choice, that one's first; at the beginning those that every region text begins with.</summary>
    public List<int> Next => _next;

    /// <summary>Whether the text is whole.</summary>
    public bool IsComplete => _prefix.IsComplete;

    /// <summary>The natural logarithm of the probability of the choices so far, each among the legal symbols only.</summary>
    public double LogProbability { get; private set; }

    /// <summary>The ways in which the text can go on from here, each behind its choice.</summary>
    public IEnumerable<(int Choice, RegionDecoding Behind)> Alternatives()
    {
        for (int i = 0; i < Tokens.ChoiceSymbols.Length; i++)
        {
            if (_prefix.Allows(Tokens.ChoiceSymbols[i]))
                yield return (i, new RegionDecoding(Tokens, _prefix, Tokens.ChoiceSymbols[i]));
        }
    }

    /// <summary>Takes the most likely legal symbol, of equals the one with the lowest id, and all that then have no alternative.</summary>
    /// <param name="logits">One for each of <see cref="RegionTokens.ChoiceIds"/>; none is chosen for being no number.</param>
    /// <returns>Which of them.</returns>
    public int Choose(ReadOnlySpan<float> logits)
    {
        int best = -1;
        for (int i = 0; i < logits.Length; i++)
        {
            if (_prefix.Allows(Tokens.ChoiceSymbols[i]) && (best < 0 || logits[i] > logits[best] || float.IsNaN(logits[best])))
                best = i;
        }
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (_prefix.Allows(Tokens.ChoiceSymbols[i]))
                sum += Math.Exp(logits[i] - logits[best]);
        }
        LogProbability -= Math.Log(sum);
        _next.Clear();
        Take(Tokens.ChoiceSymbols[best]);
        TakeForced();
        return best;
    }

    private void TakeForced()
    {
        while (!_prefix.IsComplete && OnlySymbol() is { } symbol)
            Take(symbol);
    }

    private char? OnlySymbol()
    {
        char? only = null;
        foreach (char symbol in RegionPrefix.Symbols)
        {
            if (!_prefix.Allows(symbol))
                continue;
            if (only is not null)
                return null;
            only = symbol;
        }
        return only;
    }

    private void Take(char symbol)
    {
        _prefix.Append(symbol);
        _next.AddRange(Tokens.Of(symbol));
    }
}
