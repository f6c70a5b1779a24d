using ChainOfSpot.Kernels;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>What the Q8 key-value cache costs; docs/numerics.md has the figures. That it is exact in itself is in <see cref="ExactModeTests"/>.</summary>
public sealed class QuantizedCacheTests
{
    private static readonly EngineOptions Quantised = new() { Threads = 1, KvCache = KvElement.Q8 };

    /// <summary>The bounds are one and a half times what was measured.</summary>
    [Theory]
    [InlineData("llama-f16", 0.16f)]
    [InlineData("llama-q8_0-mha-tied", 0.17f)]
    [InlineData("llama-q4_0", 0.16f)]
    [InlineData("llama-q4_k_m", 0.87f)]
    [InlineData("llama-kmix", 0.55f)]
    public async Task Logits_move_by_little(string model, float bound)
    {
        await using ChainOfSpotEngine exact = await GgufGolden.LoadAsync(model);
        await using ChainOfSpotEngine quantised = await GgufGolden.LoadAsync(model, Quantised);
        var rows = new PromptRows([.. GgufGolden.PromptIds(model), .. GgufGolden.GreedyIds(model)], patches: 0);
        float[] expected = await exact.LogitsAsync(rows, split: 640);
        float[] actual = await quantised.LogitsAsync(rows, split: 640);
        Assert.NotEqual(expected, actual);
        Golden.AssertClose(expected, actual, bound, model);
    }

    [Fact]
    public async Task Every_question_is_still_answered_rightly()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny, Quantised);
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
}
