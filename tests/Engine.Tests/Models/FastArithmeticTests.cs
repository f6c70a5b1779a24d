using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>What fast arithmetic costs on the GGUF models; docs/numerics.md states these numbers.</summary>
public sealed class FastArithmeticTests
{
    /// <summary>The largest error of a logit, whose standard deviation is 3, and the largest divergence of a distribution.</summary>
    private const double LogitBound = 0.35;
    private const double DivergenceBound = 0.01;

    private static readonly EngineOptions Fast = new() { Threads = 1, Arithmetic = Arithmetic.Fast };

    [Theory]
    [MemberData(nameof(GgufGolden.Models), MemberType = typeof(GgufGolden))]
    public async Task Logits_stay_near_the_reference_and_greedy_tokens_are_equal_where_the_margin_allows(string model)
    {
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync(model, Fast);
        int[] prompt = GgufGolden.PromptIds(model);
        var rows = new PromptRows([.. prompt, .. GgufGolden.GreedyIds(model)], patches: 0);
        float[] logits = await engine.LogitsAsync(rows, split: 640);
        float[] expected = GgufGolden.Tensors("llm").Floats(model + ".logits").ToArray();
        int vocabulary = engine.Config.Text.VocabularySize;
        int agreeing = 0;
        double largestError = 0;
        double largestDivergence = 0;
        int count = expected.Length / vocabulary;
        for (int row = 0; row < count; row++)
        {
            ReadOnlySpan<float> reference = expected.AsSpan(row * vocabulary, vocabulary);
            ReadOnlySpan<float> computed = logits.AsSpan(row * vocabulary, vocabulary);
            double error = 0;
            for (int i = 0; i < vocabulary; i++)
                error = Math.Max(error, Math.Abs((double)reference[i] - computed[i]));
            largestError = Math.Max(largestError, error);
            largestDivergence = Math.Max(largestDivergence, Divergence(reference, computed));
            (int best, float margin) = Best(reference);
            bool agrees = Best(computed).Index == best;
            agreeing += agrees ? 1 : 0;
            Assert.True(agrees || margin <= 2 * error, $"Row {row} has another first token at a margin of {margin} and an error of {error}.");
        }
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{model}: largest error {largestError:G3}, largest KL {largestDivergence:G3}, first token equal in {agreeing} of {count}");
        Assert.InRange(largestError, 0, LogitBound);
        Assert.InRange(largestDivergence, 0, DivergenceBound);
    }

    [Theory]
    [InlineData("llama-q4_0")]
    [InlineData("llama-q8_0-mha-tied")]
    [InlineData("llama-q4_k_m")]
    public async Task Neither_split_nor_threads_change_a_bit_with_quantised_weights(string model)
    {
        await using ChainOfSpotEngine one = await GgufGolden.LoadAsync(model, Fast);
        await using ChainOfSpotEngine three = await GgufGolden.LoadAsync(model, Fast with { Threads = 3 });
        var rows = new PromptRows(GgufGolden.PromptIds(model), patches: 0);
        int[] whole = TestEngine.Bits(await one.LogitsAsync(rows, split: 640));
        Assert.Equal(whole, TestEngine.Bits(await one.LogitsAsync(rows, split: 1)));
        Assert.Equal(whole, TestEngine.Bits(await three.LogitsAsync(rows, split: 7)));
    }

    [Fact]
    public async Task Features_in_bf16_stay_near_the_reference()
    {
        await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync("llama-q4_0", Fast);
        SafetensorsFixture expected = GgufGolden.Tensors("twopass");
        float[] projected = await engine.EncodeAsync(GgufGolden.TwoPassPicture(), box: null);
        float[] reference = expected.Floats("global.projected").ToArray();
        double largest = projected.Zip(reference, (a, b) => Math.Abs((double)a - b)).Max();
        double relative = Math.Sqrt(projected.Zip(reference, (a, b) => Math.Pow((double)a - b, 2)).Sum() / reference.Sum(b => (double)b * b));
        TestContext.Current.TestOutputHelper!.WriteLine($"largest error {largest:G3}, relative {relative:G3}");
        Assert.InRange(relative, 0, 0.02);
    }

    private static double Divergence(ReadOnlySpan<float> reference, ReadOnlySpan<float> computed)
    {
        double logP = LogSum(reference);
        double logQ = LogSum(computed);
        double divergence = 0;
        for (int i = 0; i < reference.Length; i++)
            divergence += Math.Exp(reference[i] - logP) * (reference[i] - logP - (computed[i] - logQ));
        return divergence;
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp(logit);
        return Math.Log(sum);
    }

    private static (int Index, float Margin) Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            best = logits[i] > logits[best] ? i : best;
        float second = float.NegativeInfinity;
        for (int i = 0; i < logits.Length; i++)
            second = i == best ? second : Math.Max(second, logits[i]);
        return (best, logits[best] - second);
    }
}
