using System.Globalization;
using ChainOfSpot.Engine.Tests.Text;
using ChainOfSpot.Regions;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Regions;

/// <summary>The automaton of legal region texts, and how it decodes.</summary>
public sealed class RegionPrefixTests
{
    private static readonly Gen<string> Legal =
        from left in Gen.Int[0, 999]
        from top in Gen.Int[0, 999]
        from right in Gen.Int[left + 1, 1000]
        from bottom in Gen.Int[top + 1, 1000]
        select new Region(left / 1000.0, top / 1000.0, right / 1000.0, bottom / 1000.0).ToString();

    [Fact]
    public void Every_legal_text_is_admitted() => Legal.Sample(text => Assert.True(IsAdmitted(text), text), iter: 20_000);

    [Theory]
    [InlineData("[0.0, 0.0, 1.0, 1.0]", true)]
    [InlineData("[0.999, 0.999, 1.0, 1.0]", true)]
    [InlineData("[0.05, 0.5, 0.101, 0.501]", true)]
    [InlineData("[0.50, 0.5, 0.7, 0.6]", false)]
    [InlineData("[0.00, 0.5, 0.7, 0.6]", false)]
    [InlineData("[0.100, 0.5, 0.7, 0.6]", false)]
    [InlineData("[0.5, 0.5, 0.5, 0.6]", false)]
    [InlineData("[0.5, 0.5, 0.499, 0.6]", false)]
    [InlineData("[0.5, 0.6, 0.7, 0.6]", false)]
    [InlineData("[1.0, 0.0, 1.0, 1.0]", false)]
    [InlineData("[0.0, 0.0, 1.1, 1.0]", false)]
    [InlineData("[0.0, 0.0, 1.00, 1.0]", false)]
    [InlineData("[0.0, 0.0, 1, 1.0]", false)]
    [InlineData("[0.1234, 0.0, 1.0, 1.0]", false)]
    [InlineData("[0.0, 0.0, 1.0]", false)]
    [InlineData("[0.0, 0.0, 1.0, 1.0, 1.0]", false)]
    [InlineData("[.5, 0.0, 1.0, 1.0]", false)]
    public void Only_legal_texts_are_admitted(string text, bool isLegal) => Assert.Equal(isLegal, IsAdmitted(text));

    [Fact]
    public void Every_walk_ends_in_a_legal_text() => Gen.Int.Array[64].Sample(
        picks =>
        {
            var prefix = default(RegionPrefix);
            string text = "";
            foreach (int pick in picks)
            {
                if (prefix.IsComplete)
                    break;
                char[] allowed = [.. RegionPrefix.Symbols.Where(symbol => prefix.Allows(symbol))];
                Assert.NotEmpty(allowed);
                char symbol = allowed[(int)((uint)pick % allowed.Length)];
                prefix.Append(symbol);
                text += symbol == ',' ? ", " : symbol.ToString();
            }
            Assert.True(prefix.IsComplete);
            AssertLegal(text);
        },
        iter: 20_000);

    [Theory]
    [InlineData("models/spot-tiny/tokenizer.model")]
    [InlineData("tests/fixtures/tokenizer-512.model")]
    [InlineData("llama")]
    public void Regions_are_spelt_as_the_tokenizer_spells_them(string vocabulary)
    {
        LlamaTokenizer tokenizer = vocabulary == "llama"
            ? Vocabularies.Llama()
            : LlamaTokenizer.FromFile(Path.Combine(Fixtures.Repository, vocabulary));
        var tokens = RegionTokens.Of(tokenizer);
        Assert.NotNull(tokens);
        Assert.Equal(12, tokens.ChoiceIds.Length);
        Legal.Sample(text => Assert.Equal(tokenizer.Encode(text), tokens.Encode(text)), iter: 300);
        Assert.Equal(tokenizer.Encode("[0.5")[0], tokens.FirstId);
    }

    [Fact]
    public void Whatever_a_model_says_a_legal_region_comes_of_it_in_at_most_sixteen_passes()
    {
        var tokens = RegionTokens.Of(LlamaTokenizer.FromFile(Fixtures.Path("tokenizer-512.model")))!;
        int most = 0;
        Gen.Float[-20, 20].Array[12].Array[20].Sample(
            all =>
            {
                var decoding = new RegionDecoding(tokens);
                List<int> ids = [.. decoding.Next];
                int passes = 0;
                double expected = 0;
                foreach (float[] logits in all)
                {
                    if (decoding.IsComplete)
                        break;
                    passes++;
                    decoding.Choose(logits);
                    ids.AddRange(decoding.Next);
                    expected = decoding.LogProbability;
                }
                Assert.True(decoding.IsComplete);
                most = Math.Max(most, passes);
                Assert.InRange(expected, double.NegativeInfinity, 0);
                string text = string.Concat(ids.Select(id => TextOf(tokens, id))).Replace(",", ", ", StringComparison.Ordinal);
                AssertLegal(text);
                Assert.Equal(tokens.Encode(text), ids);
            },
            iter: 5_000,
            threads: 1);
        // Three digits of four numbers, and whether right and bottom are 1.0.
        Assert.InRange(most, 12, 14);
    }

    [Fact]
    public void The_most_likely_legal_symbol_is_taken_with_its_probability_among_legal_ones()
    {
        var tokens = RegionTokens.Of(LlamaTokenizer.FromFile(Fixtures.Path("tokenizer-512.model")))!;
        var decoding = new RegionDecoding(tokens);
        float[] logits = new float[12];
        // The bracket is not legal here, the comma neither; 7 is the likeliest digit; 3 is no number.
        logits[Array.IndexOf(tokens.ChoiceSymbols, ']')] = 50;
        logits[Array.IndexOf(tokens.ChoiceSymbols, ',')] = 40;
        logits[Array.IndexOf(tokens.ChoiceSymbols, '7')] = 2;
        decoding.Choose(logits);
        Assert.Equal(tokens.Of('7')[0], decoding.Next[0]);
        Assert.Equal(Math.Log(Math.Exp(2) / (Math.Exp(2) + 9)), decoding.LogProbability, 1e-6);

        var unsure = new RegionDecoding(tokens);
        Array.Fill(logits, float.NaN);
        while (!unsure.IsComplete)
            unsure.Choose(logits);
    }

    private static void AssertLegal(string text)
    {
        Assert.True(Region.TryParse(text, out Region region, out _), text);
        Assert.Equal(text, region.ToString());
        Assert.True(region.Left < region.Right && region.Top < region.Bottom, text);
        Assert.InRange(region.Left, 0, 1);
        Assert.InRange(region.Top, 0, 1);
        Assert.InRange(region.Right, 0, 1);
        Assert.InRange(region.Bottom, 0, 1);
        Assert.InRange(text.Length, RegionPrefix.Shortest.Length, RegionPrefix.Longest.Length);
    }

    private static bool IsAdmitted(string text)
    {
        var prefix = default(RegionPrefix);
        foreach (char symbol in text.Replace(", ", ",", StringComparison.Ordinal))
        {
            if (!prefix.Allows(symbol))
                return false;
            prefix.Append(symbol);
        }
        return prefix.IsComplete;
    }

    private static string TextOf(RegionTokens tokens, int id)
    {
        foreach (char symbol in RegionPrefix.Symbols)
        {
            int index = tokens.Of(symbol).IndexOf(id);
            if (index >= 0)
                return index == 0 ? symbol.ToString(CultureInfo.InvariantCulture) : "";
        }
        throw new ArgumentOutOfRangeException(nameof(id));
    }
}
