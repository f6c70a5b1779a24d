using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Region texts that give no crop: pass 2 looks at the whole picture and the answer says why.</summary>
public sealed class RegionFallbackTests
{
    [Theory]
    [InlineData("", RegionProblem.FewerThanFourNumbers)]
    [InlineData("somewhere on the left", RegionProblem.FewerThanFourNumbers)]
    [InlineData("[0.1, 0.2, 0.3, nan]", RegionProblem.NotFourNumbers)]
    [InlineData("[0.8, 0.1, 0.2, 0.9]", RegionProblem.InvertedBox)]
    [InlineData("[0.1, 0.9, 0.2, 0.1]", RegionProblem.InvertedBox)]
    [InlineData("[0.5, 0.5, 0.5, 0.5]", RegionProblem.EmptyBox)]
    [InlineData("[0.5, 0.1, 0.5, 0.9]", RegionProblem.EmptyBox)]
    [InlineData("[0.0, 0.0, 1e9, 1.0]", RegionProblem.OutOfRange)]
    [InlineData("[0.0, 0.0, 1000, 1000]", RegionProblem.OutOfRange)]
    [InlineData("[-900, 0.0, -899, 1.0]", RegionProblem.OutOfRange)]
    public async Task A_text_without_a_crop_falls_back_to_the_whole_picture_and_says_why(string text, RegionProblem problem)
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        Answer answer = await image.AskForTestAsync("What is it?", new AskOptions { RegionText = text, MaxNewTokens = 3 });
        AnswerRegion region = answer.Region!;
        Assert.Equal((problem, true, text), (region.Problem, region.IsFallback, region.Text));
        Assert.Equal(Region.Full, region.Normalized);
        Assert.Equal(new PixelBox(0, 0, 640, 427), region.Pixels);

        Answer whole = await image.AskForTestAsync("What is it?", new AskOptions { RegionText = "[0.0, 0.0, 1.0, 1.0]", MaxNewTokens = 3 });
        Assert.False(whole.Region!.IsFallback);
        Assert.True(whole.Region.Crop.Span.SequenceEqual(region.Crop.Span));
    }

    [Fact]
    public async Task A_region_outside_of_the_picture_is_black_as_in_the_official_code()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        Answer answer = await image.AskForTestAsync(
            "What is it?", new AskOptions { RegionText = "[1.2, 1.2, 1.7, 1.7]", MaxNewTokens = 3 });
        Assert.False(answer.Region!.IsFallback);
        Assert.False(answer.Region.Crop.Span.ContainsAnyExcept((byte)0));
        Assert.True(answer.Region.Pixels.Width == 0 || answer.Region.Pixels.Height == 0);
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_says_how_many_positions_were_needed()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("spot-tiny", "spot-000.png"), TestContext.Current.CancellationToken);
        int free = engine.FreeCachePositions;
        string question = string.Join(' ', Enumerable.Repeat("What number is on the blue square?", 200));
        int needed = engine.Prompts.Direct(question).ToIds().Length - 1 + 64;
        Assert.True(needed > 1024);

        ContextLengthException direct = await Assert.ThrowsAsync<ContextLengthException>(
            () => image.AskForTestAsync(question, new AskOptions { Direct = true }));
        Assert.Equal((needed, 1024), (direct.Needed, direct.Available));
        Assert.Contains($"needs {needed} positions", direct.Message, StringComparison.Ordinal);

        // Only pass 2 is too long: what pass 1 held is given back.
        ContextLengthException second = await Assert.ThrowsAsync<ContextLengthException>(
            () => image.AskForTestAsync("What is it?", new AskOptions { RegionText = question, MaxNewTokens = 1 }));
        Assert.True(second.Needed > 1024 + 64);
        image.Dispose();
        Assert.Equal(free, engine.FreeCachePositions);
    }

    [Theory]
    [InlineData("", 1, 0)]
    [InlineData(" \n", 1, 0)]
    [InlineData("What?", -1, 0)]
    [InlineData("What?", 1, -1)]
    public async Task Options_and_questions_out_of_range_are_refused(string question, int tokens, int topLogits)
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(Fixtures.Path("images", "rgb-97x61.png"), TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<ArgumentException>(
            () => image.AskForTestAsync(question, new AskOptions { MaxNewTokens = tokens, TopLogits = topLogits }));
    }

    [Fact]
    public async Task No_tokens_and_more_top_logits_than_there_are_do_no_harm()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(Fixtures.Path("images", "rgb-97x61.png"), TestContext.Current.CancellationToken);
        Answer none = await image.AskForTestAsync("What?", new AskOptions { MaxNewTokens = 0 });
        Assert.Equal(("", 0), (none.Text, none.Passes[1].OutputIds.Count));
        Answer free = await image.AskForTestAsync("What?", new AskOptions { MaxNewTokens = 0, FreeRegion = true });
        Assert.Equal(("", 0), (free.Text, free.Usage.OutputTokens));
        Answer all = await image.AskForTestAsync("What?", new AskOptions { MaxNewTokens = int.MaxValue, TopLogits = int.MaxValue, Direct = true });
        Assert.Equal(576, all.Passes[0].TopLogits.Count);
        Assert.Equal(all.Passes[0].TopLogits.OrderByDescending(top => top.Value), all.Passes[0].TopLogits);
        Assert.True(all.Usage.InputTokens + all.Usage.OutputTokens <= engine.Config.Text.MaxPositions);
    }
}
