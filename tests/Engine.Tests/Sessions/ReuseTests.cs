using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>What the engine keeps from question to question: exact counts, no other picture's, no bit changed, within its budget.</summary>
public sealed class ReuseTests
{
    private const string Question = "What is it?";

    [Fact]
    public async Task Pictures_that_differ_in_one_pixel_do_not_see_each_others_cache()
    {
        await using ChainOfSpotEngine engine = await LoadAsync();
        Picture picture = Noise(1);
        foreach (int at in (int[])[0, 1, 61 * 40 * 3 / 2, (61 * 40 * 3) - 1])
        {
            byte[] rgb = picture.Rgb.ToArray();
            rgb[at] ^= 0xFF;
            Answer first = await AskAsync(engine, picture);
            Answer changed = await AskAsync(engine, Picture.FromRgb(61, 40, rgb));
            Answer alone = await AskAsync(engine, Picture.FromRgb(61, 40, rgb), reuse: false);
            // The system prompt before the picture is the same; nothing behind it is.
            Assert.Equal(BeforePicture(changed), changed.Passes[0].CachedTokens);
            Assert.Equal(Bits(alone), Bits(changed));
            Assert.NotEqual(Bits(first), Bits(changed));
        }
        // Equal bytes of another shape are another picture.
        Answer turned = await AskAsync(engine, Picture.FromRgb(40, 61, picture.Rgb.Span));
        Assert.Equal(BeforePicture(turned), turned.Passes[0].CachedTokens);
    }

    [Fact]
    public async Task A_path_with_other_content_is_another_picture_and_equal_pixels_are_the_same_picture_under_any_path()
    {
        await using ChainOfSpotEngine engine = await LoadAsync();
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Root, "a.png");
        string copy = Path.Combine(folder.Root, "b.png");
        Noise(1).SavePng(path);
        Noise(1).SavePng(copy);
        Answer first = await AskAsync(engine, Picture.Decode(path));
        Noise(2).SavePng(path);
        Answer second = await AskAsync(engine, Picture.Decode(path));
        Answer same = await AskAsync(engine, Picture.Decode(copy));
        Assert.Equal(0, first.Passes[0].CachedTokens);
        Assert.Equal(BeforePicture(second), second.Passes[0].CachedTokens);
        Assert.Equal(same.Passes[0].PromptTokens - 1, same.Passes[0].CachedTokens);
        Assert.Equal(Bits(first), Bits(same));
        Assert.NotEqual(Bits(first), Bits(second));
        Assert.Equal(Bits(await AskAsync(engine, Noise(2), reuse: false)), Bits(second));
    }

    [Fact]
    public async Task Counts_of_cached_tokens_are_exact()
    {
        await using ChainOfSpotEngine engine = await LoadAsync();
        Answer first = await AskAsync(engine, Noise(1));
        Assert.Equal((0, first.Passes[1].CachedTokens), (first.Passes[0].CachedTokens, first.Usage.CachedInputTokens));
        Answer again = await AskAsync(engine, Noise(1));
        Assert.Equal(again.Passes[0].PromptTokens - 1, again.Passes[0].CachedTokens);
        Answer other = await AskAsync(engine, Noise(1), "What number is on it?");
        Assert.Equal(Common(other.Passes[0].PromptIds, first.Passes[0].PromptIds, engine), other.Passes[0].CachedTokens);
        Answer direct = await AskAsync(engine, Noise(1), options: new AskOptions { Direct = true, MaxNewTokens = 3 });
        Assert.Equal(Common(direct.Passes[0].PromptIds, first.Passes[0].PromptIds, engine), direct.Usage.CachedInputTokens);
        Assert.True(direct.Usage.CachedInputTokens > engine.Config.Vision.Patches);
    }

    [Fact]
    public async Task A_conversation_goes_on_behind_all_that_was_said()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotTinyTests.Question question = questions.All[0];
        SpotConversation conversation = questions.ImageOf(question).StartConversation();
        Answer first = await conversation.AskAsync(question.Text, cancellationToken: TestContext.Current.CancellationToken);
        // Other questions come in between; a new conversation object goes on all the same.
        await questions.AskAsync(questions.All[1], new AskOptions(), TestContext.Current.CancellationToken);
        conversation = questions.ImageOf(question).StartConversation(conversation.Turns);
        Answer second = await conversation.AskAsync(questions.All[1].Text, cancellationToken: TestContext.Current.CancellationToken);
        PassResult said = first.Passes[1];
        Assert.Equal(said.PromptTokens + said.OutputIds.Count - 1, second.Passes[0].CachedTokens);
        Assert.True(second.Timings.EncodeImage < first.Timings.EncodeImage);
    }

    [Fact]
    public async Task Sixteen_questions_about_one_picture_at_once_feed_and_encode_it_once()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            TestEngine.SpotTiny, new EngineOptions { Threads = 1, CachePositions = 16 * 1024 });
        await using SpotImage image = await engine.OpenImageAsync(
            Fixtures.Path("spot-tiny", "spot-000.png"), TestContext.Current.CancellationToken);
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => image.AskForTestAsync($"What number is on circle {i}?")));
        Assert.Single(answers, a => a.Passes[0].CachedTokens == 0);
        Assert.Equal(15, answers.Count(a => a.Passes[0].CachedTokens >= engine.Config.Vision.Patches));
    }

    [Theory]
    [InlineData(0L, false)]
    [InlineData(200_000L, false)]
    [InlineData(1_000_000L, false)]
    [InlineData(null, false)]
    [InlineData(0L, true)]
    [InlineData(200_000L, true)]
    [InlineData(null, true)]
    public async Task No_bit_depends_on_what_is_kept_and_the_budget_holds(long? budget, bool together)
    {
        await using ChainOfSpotEngine engine = await LoadAsync(budget);
        int free = engine.FreeCachePositions;
        int[][][] expected = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(async i => Bits(await AskAsync(engine, Noise(i), reuse: false))))];
        Assert.Equal(0, engine.ReusedBytes);
        var random = new Random(3);
        for (int round = 0; round < 12; round++)
        {
            int[] pictures = [.. Enumerable.Range(0, together ? 6 : 1).Select(_ => random.Next(3))];
            Answer[] answers = await Task.WhenAll(pictures.Select(i => AskAsync(engine, Noise(i))));
            for (int i = 0; i < pictures.Length; i++)
                Assert.Equal(expected[pictures[i]], Bits(answers[i]));
            Assert.InRange(engine.ReusedBytes, 0, budget ?? long.MaxValue);
            Assert.Equal(free, engine.FreeCachePositions);
        }
        Assert.Equal(budget != 0, engine.ReusedBytes > 0);
    }

    [Fact]
    public async Task What_was_used_last_is_kept_longest()
    {
        // Room for what two pictures leave behind.
        long left;
        await using (ChainOfSpotEngine engine = await LoadAsync())
        {
            await AskAsync(engine, Noise(0));
            left = engine.ReusedBytes;
        }
        await using (ChainOfSpotEngine engine = await LoadAsync((2 * left) + (left / 2)))
        {
            foreach ((int picture, bool isKept) in new[] { (0, false), (1, false), (0, true), (2, false), (0, true), (3, false), (4, false), (5, false), (1, false), (0, false) })
            {
                Answer answer = await AskAsync(engine, Noise(picture));
                Assert.Equal(isKept, answer.Passes[0].CachedTokens > BeforePicture(answer));
            }
        }
    }

    private static Task<ChainOfSpotEngine> LoadAsync(long? budget = null) => TestEngine.LoadAsync(
        Fixtures.Path("llava", "hf-mha"), new EngineOptions { Threads = 1, CachePositions = 8192, ReuseMemory = budget });

    private static async Task<Answer> AskAsync(
        ChainOfSpotEngine engine, Picture picture, string question = Question, bool reuse = true, AskOptions? options = null)
    {
        await using SpotImage image = engine.OpenImage(picture);
        options ??= new AskOptions { RegionText = "[0.1, 0.2, 0.7, 0.8]", MaxNewTokens = 3, TopLogits = engine.Config.Text.VocabularySize };
        return await image.AskForTestAsync(question, options with { Reuse = reuse });
    }

    private static int[][] Bits(Answer answer) => [.. answer.Passes.Select(p => TestEngine.Bits(p.ToLogits()))];

    private static int BeforePicture(Answer answer) =>
        answer.Passes[0].PromptIds.TakeWhile(id => id >= 0).Count();

    private static int Common(IReadOnlyList<int> one, IReadOnlyList<int> other, ChainOfSpotEngine engine)
    {
        int common = one.Zip(other).TakeWhile(pair => pair.First == pair.Second).Count();
        return common + engine.Config.Vision.Patches - 1;
    }

    private static Picture Noise(int seed)
    {
        byte[] rgb = new byte[61 * 40 * 3];
        new Random(seed).NextBytes(rgb);
        return Picture.FromRgb(61, 40, rgb);
    }
}
