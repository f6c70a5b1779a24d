using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Constrained regions in whole questions.</summary>
public sealed class RegionDecodingTests
{
    [Theory]
    [InlineData(1, 640)]
    [InlineData(2, 3)]
    public async Task A_constrained_region_is_the_free_one_where_that_is_legal_and_takes_fewer_passes(int threads, int stepRows)
    {
        var log = new OperationLog();
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(
            new EngineOptions { Threads = threads, StepRows = stepRows, OperationLog = log });
        foreach (SpotTinyTests.Question question in questions.All)
        {
            SpotImage image = questions.ImageOf(question);
            log.Clear();
            Answer free = await image.AskForTestAsync(question.Text, new AskOptions { FreeRegion = true, Reuse = false });
            int freePasses = Passes(log);
            log.Clear();
            Answer constrained = await image.AskForTestAsync(question.Text, new AskOptions { Reuse = false });
            int passes = Passes(log);
            Assert.Equal(question.RegionIds, free.Passes[0].OutputIds);
            Assert.Equal(question.RegionIds, constrained.Passes[0].OutputIds);
            Assert.Equal(question.AnswerIds, constrained.Passes[1].OutputIds);
            Assert.Equal(free.Region! with { Probability = 0, Crop = default }, constrained.Region! with { Probability = 0, Crop = default });
            Assert.Equal(free.Probability, constrained.Probability);
            // Among fewer tokens each is likelier.
            Assert.InRange(free.Region!.Probability!.Value, 0, constrained.Region!.Probability!.Value + 1e-9);
            if (stepRows < 10)
                continue;
            // A pass feeds the prompt; the answer's tokens but the end take one each.
            int answerPasses = question.AnswerIds.Length;
            Assert.Equal(1 + question.RegionIds.Length - 1 + answerPasses, freePasses);
            Assert.InRange(passes - answerPasses, 1, 16);
            Assert.True(passes < freePasses);
        }
        questions.CloseImages();

        static int Passes(OperationLog log) => log.Records.Count(record => record.Name == nameof(Device.EmbedTokens));
    }

    [Theory]
    [InlineData(4096, 9)]
    [InlineData(448, 14)]
    public async Task Lookahead_settles_two_choices_a_pass_and_changes_nothing(int positions, int mostPasses)
    {
        var log = new OperationLog();
        await using ChainOfSpotEngine plain = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using ChainOfSpotEngine ahead = await TestEngine.LoadAsync(
            Fixtures.Path("llava", "hf-mha"),
            new EngineOptions { Threads = 2, CachePositions = positions, OperationLog = log, RegionLookahead = true });
        int free = ahead.FreeCachePositions;
        await using SpotImage one = await plain.OpenImageAsync(Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        await using SpotImage other = await ahead.OpenImageAsync(Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        for (int i = 0; i < 12; i++)
        {
            var options = new AskOptions { MaxNewTokens = 1, TopLogits = plain.Config.Text.VocabularySize, Reuse = i % 2 > 0 };
            Answer expected = await one.AskForTestAsync($"What is number {i}?", options);
            log.Clear();
            Answer actual = await other.AskForTestAsync($"What is number {i}?", options);
            // The answer takes one.
            Assert.InRange(log.Records.Count(record => record.Name == nameof(Device.EmbedTokens)) - 1, 1, mostPasses);
            for (int pass = 0; pass < 2; pass++)
            {
                Assert.Equal(expected.Passes[pass].OutputIds, actual.Passes[pass].OutputIds);
                Assert.Equal(TestEngine.Bits(expected.Passes[pass].ToLogits()), TestEngine.Bits(actual.Passes[pass].ToLogits()));
            }
            Assert.Equal(expected.Region!.Probability, actual.Region!.Probability);
            Assert.Equal(free, ahead.FreeCachePositions);
        }
    }

    [Fact]
    public async Task A_model_that_was_not_tuned_names_a_legal_region_and_is_found_out()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(Fixtures.Path("llava", "hf-mha"));
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        foreach (string text in (string[])["What is it?", "Who wins?", "Why?", "What number is on the red circle?"])
        {
            Answer answer = await image.AskForTestAsync(text, new AskOptions { MaxNewTokens = 2 });
            AnswerRegion region = answer.Region!;
            Assert.True(Region.TryParse(region.Text, out Region parsed, out _));
            Assert.Equal(region.Text, parsed.ToString());
            Assert.True(parsed.Left < parsed.Right && parsed.Top < parsed.Bottom);
            Assert.True(region.IsUntuned);
            Assert.InRange(region.FirstTokenProbability!.Value, 0, 0.1);
            Assert.Equal(2, answer.Passes[1].OutputIds.Count);
        }
    }

    [Fact]
    public async Task Many_regions_at_once_are_those_of_each_alone()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            Fixtures.Path("llava", "hf-mha"), new EngineOptions { Threads = 2, CachePositions = 16 * 1024 });
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("images", "rgb-640x427.png"), TestContext.Current.CancellationToken);
        string[] texts = [.. Enumerable.Range(0, 20).Select(i => $"What is number {i}?")];
        AskOptions Options(int i) => new() { MaxNewTokens = 3, Direct = i % 5 == 0, FreeRegion = i % 7 == 1, Reuse = i % 3 > 0 };
        Answer[] together = await Task.WhenAll(texts.Select((text, i) => image.AskForTestAsync(text, Options(i))));
        for (int i = 0; i < texts.Length; i++)
        {
            Answer alone = await image.AskForTestAsync(texts[i], Options(i) with { Reuse = false });
            Assert.Equal(alone.Passes.Select(p => p.OutputIds), together[i].Passes.Select(p => p.OutputIds));
            Assert.Equal((alone.Probability, alone.Region?.Probability), (together[i].Probability, together[i].Region?.Probability));
            Assert.Equal(alone.Region?.FirstTokenProbability, together[i].Region?.FirstTokenProbability);
        }
    }

    [Fact]
    public async Task A_question_that_no_region_would_leave_room_for_is_refused_before_anything_is_computed()
    {
        var log = new OperationLog();
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            TestEngine.SpotTiny, new EngineOptions { Threads = 1, OperationLog = log });
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("spot-tiny", "spot-000.png"), TestContext.Current.CancellationToken);
        string question = "What?";
        while (Positions(engine.Prompts.Answer(question, RegionPrefix.Shortest).ToIds()) < 1024)
            question += " x";
        Assert.True(Positions(engine.Prompts.Region(question).ToIds()) < 900);
        log.Clear();
        ContextLengthException error = await Assert.ThrowsAsync<ContextLengthException>(() => image.AskForTestAsync(question));
        Assert.InRange(error.Needed, 1024, 1030);
        Assert.Empty(log.Records);

        static int Positions(int[] ids) => PromptRows.Count(ids, patches: 64);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_softmax()
    {
        var random = new Random(7);
        foreach (int count in (int[])[1, 3, 8, 31, 520, 32_000])
        {
            float[] logits = [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 40) - 20))];
            double sum = logits.Sum(x => Math.Exp(x));
            foreach (int token in (int[])[0, count / 2, count - 1])
                Assert.Equal(logits[token] - Math.Log(sum), Probability.LogOf(logits, token), 1e-4);
        }
    }
}
