using ChainOfSpot.Sessions;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Tokens that are drawn at random.</summary>
public sealed class SamplerTests
{
    private const int Draws = 20_000;

    [Theory]
    [InlineData(1.0f)]
    [InlineData(0.5f)]
    [InlineData(2.0f)]
    public void Tokens_are_drawn_as_often_as_their_softmax_says(float temperature)
    {
        float[] logits = [1.5f, -2, float.NegativeInfinity, 0.25f, float.NaN, 2];
        double[] weights = [.. logits.Select(x => float.IsNaN(x) ? 0 : Math.Exp(x / temperature))];
        int[] counts = Count(new Sampler(temperature, 1, seed: 3), logits);
        for (int i = 0; i < logits.Length; i++)
        {
            double expected = weights[i] / weights.Sum();
            // Five standard deviations of the count.
            Assert.InRange(counts[i] / (double)Draws, expected - (5 * Math.Sqrt(expected / Draws)), expected + (5 * Math.Sqrt(expected / Draws)));
        }
    }

    [Theory]
    [InlineData(0.5f, new[] { 0 })]
    [InlineData(0.51f, new[] { 0, 2 })]
    [InlineData(0.79f, new[] { 0, 2 })]
    [InlineData(0.9f, new[] { 0, 1, 2 })]
    [InlineData(0.0001f, new[] { 0 })]
    [InlineData(1f, new[] { 0, 1, 2, 3 })]
    public void Top_p_keeps_the_fewest_most_likely_tokens_that_reach_it(float topP, int[] kept)
    {
        float[] logits = [MathF.Log(0.505f), MathF.Log(0.145f), MathF.Log(0.3f), MathF.Log(0.05f)];
        int[] counts = Count(new Sampler(1, topP, seed: 5), logits);
        Assert.Equal(kept, Enumerable.Range(0, logits.Length).Where(i => counts[i] > 0));
    }

    [Fact]
    public void A_seed_repeats_what_is_drawn() => Gen.Select(Gen.Float[-5, 5].Array[2, 50], Gen.Long, Gen.Float[0.1f, 1]).Sample((logits, seed, topP) =>
    {
        var first = new Sampler(0.7f, topP, seed);
        var second = new Sampler(0.7f, topP, seed);
        for (int i = 0; i < 20; i++)
            Assert.Equal(first.Draw(logits), second.Draw(logits));
    });

    [Fact]
    public void A_low_temperature_draws_the_most_likely_token_and_nothing_is_drawn_of_no_numbers()
    {
        Assert.Equal(Draws, Count(new Sampler(1e-6f, 1, seed: 1), [1, 1.001f, 0.9f])[1]);
        Assert.Equal(-1, new Sampler(1, 0.5f, seed: 1).Draw([float.NaN, float.NaN]));
        Assert.Equal(1, new Sampler(1, 1, seed: 1).Draw([3, float.PositiveInfinity]));
    }

    private static int[] Count(Sampler sampler, float[] logits)
    {
        var counts = new int[logits.Length];
        for (int i = 0; i < Draws; i++)
            counts[sampler.Draw(logits)]++;
        return counts;
    }
}
