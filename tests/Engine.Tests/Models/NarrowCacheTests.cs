using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>
/// What key-value caches of F16 and Q8 cost; docs/numerics.md has the figures. That they are exact in themselves is in
/// <see cref="ExactModeTests"/>.
/// </summary>
public sealed class NarrowCacheTests
{
    /// <summary>The bounds are one and a half times what was measured, or 0.005.</summary>
    [Theory]
    [InlineData("llama-f16", KvElement.F16, 0.005f)]
    [InlineData("llama-q8_0-mha-tied", KvElement.F16, 0.005f)]
    [InlineData("llama-q4_0", KvElement.F16, 0.005f)]
    [InlineData("llama-q4_k_m", KvElement.F16, 0.026f)]
    [InlineData("llama-kmix", KvElement.F16, 0.017f)]
    [InlineData("llama-f16", KvElement.Q8, 0.16f)]
    [InlineData("llama-q8_0-mha-tied", KvElement.Q8, 0.17f)]
    [InlineData("llama-q4_0", KvElement.Q8, 0.16f)]
    [InlineData("llama-q4_k_m", KvElement.Q8, 0.87f)]
    [InlineData("llama-kmix", KvElement.Q8, 0.55f)]
    public async Task Logits_move_by_little(string model, KvElement cache, float bound)
    {
        await using ChainOfSpotEngine exact = await GgufGolden.LoadAsync(model);
        await using ChainOfSpotEngine narrow = await GgufGolden.LoadAsync(model, new EngineOptions { Threads = 1, KvCache = cache });
        var rows = new PromptRows([.. GgufGolden.PromptIds(model), .. GgufGolden.GreedyIds(model)], patches: 0);
        float[] expected = await exact.LogitsAsync(rows, split: 640);
        float[] actual = await narrow.LogitsAsync(rows, split: 640);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{model} {cache}: largest difference {expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max():G3}");
        Assert.NotEqual(expected, actual);
        Golden.AssertClose(expected, actual, bound, model);
    }

    [Theory]
    [InlineData(KvElement.F16)]
    [InlineData(KvElement.Q8)]
    public async Task Every_question_is_still_answered_rightly(KvElement cache)
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            TestEngine.SpotTiny, new EngineOptions { Threads = 1, KvCache = cache });
        int right = 0;
        int sameRegions = 0;
        foreach (IGrouping<string, SpotTinyTests.Question> questions in SpotTinyTests.Question.All.GroupBy(q => q.Image))
        {
            await using SpotImage image = await engine.OpenImageAsync(Fixtures.Path("spot-tiny", questions.Key), TestContext.Current.CancellationToken);
            foreach (SpotTinyTests.Question question in questions)
            {
                Answer answer = await image.AskForTestAsync(question.Text);
                right += answer.Text == question.Answer ? 1 : 0;
                sameRegions += answer.Region!.Text == question.ReferenceRegion ? 1 : 0;
            }
        }
        Assert.Equal((113, 113), (right, sameRegions));
    }

    [Theory]
    [InlineData(Arithmetic.Exact, KvElement.F32, 4)]
    [InlineData(Arithmetic.Fast, KvElement.F16, 2)]
    public async Task Fast_arithmetic_has_a_cache_of_halves_unless_told_otherwise(Arithmetic arithmetic, KvElement usual, int bytes)
    {
        long usualBytes = await CacheBytesAsync(null);
        Assert.Equal(await CacheBytesAsync(usual), usualBytes);
        Assert.Equal(await CacheBytesAsync(KvElement.F32) * bytes / 4, usualBytes);

        async Task<long> CacheBytesAsync(KvElement? cache)
        {
            await using ChainOfSpotEngine engine = await GgufGolden.LoadAsync(
                "llama-q4_0", new EngineOptions { Threads = 1, Arithmetic = arithmetic, KvCache = cache, CachePositions = 64 });
            return engine.Pages.Pool.ByteLength;
        }
    }
}
