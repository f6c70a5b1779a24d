using System.Diagnostics;
using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Any question, any options and any turns: a whole answer, or an error that names what is wrong; never a crash or a hang.</summary>
public sealed class QuestionFuzzTests
{
    private const int Context = 1024;

    private static readonly TimeSpan NoHang = TimeSpan.FromSeconds(20);

    /// <summary>Words that mean something to templates and tokenizers, and text that means nothing to anybody.</summary>
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.OneOf("What number is on the red circle?", "<image>", "</s>", "<s>", "USER:", " ASSISTANT:", "\"", "\n", "[0.1, 0.2, 0.3, 0.4]", "<0x0A>", "\u2581"),
        Gen.String,
        Gen.String[Gen.Char["\0\r\n\t \uD83D\uDE42\uFFFD\u202E\u0301\u05D0\u0661"], 0, 12],
        Gen.Select(Gen.Char, Gen.Int[0, 60]).Select((symbol, count) => new string(symbol, count)))
        .Array[0, 4].Select(parts => string.Concat(parts));

    private static readonly Gen<AskOptions> Options = Gen.Select(
        Gen.Select(Gen.Bool, Gen.OneOf(Gen.Const((string?)null), Text, Gen.Const("[0.25, 0.25, 0.5, 0.5]")), Gen.Bool, Gen.OneOf(Gen.Const(""), Text.Null())),
        Gen.Select(
            Gen.Frequency((8, Gen.Int[0, 24]), (1, Gen.OneOf(-1, int.MinValue)), (1, Gen.Const(int.MaxValue))),
            Gen.Bool,
            Gen.Frequency((6, Gen.Int[0, 3]), (1, Gen.OneOf(-1, int.MinValue, int.MaxValue)))),
        Gen.Select(
            Gen.Frequency((6, Gen.OneOf(0f, 0.7f, 1f)), (2, Gen.Float), (1, Gen.OneOf(float.Epsilon, float.MaxValue, -0f))),
            Gen.Frequency((6, Gen.OneOf(1f, 0.5f)), (2, Gen.Float)),
            Gen.Long.Nullable()),
        Gen.Frequency((6, Gen.Const(Array.Empty<string?>())), (2, Text.Where(text => text.Length > 0).Select(text => (string?)text).Array[1, 3]), (1, Text.Null().Array[0, 2])).Null(),
        Gen.Bool)
        .Select((what, decoding, drawing, stops, reuse) => new AskOptions
        {
            Direct = what.Item1,
            RegionText = what.Item2,
            FreeRegion = what.Item3,
            AnswerSuffix = what.Item4!,
            MaxNewTokens = decoding.Item1,
            IgnoreEndToken = decoding.Item2,
            TopLogits = decoding.Item3,
            Temperature = drawing.Item1,
            TopP = drawing.Item2,
            Seed = drawing.Item3,
            StopTexts = stops!,
            Reuse = reuse,
        });

    private static readonly Gen<ConversationTurn[]> Turns = Gen.Select(Text, Gen.OneOf(Gen.Const((string?)null), Text), Text, Text)
        .Select((question, region, suffix, answer) => new ConversationTurn { Question = question, RegionText = region, AnswerSuffix = suffix, Answer = answer })
        .Array[0, 2];

    [Fact]
    public async Task Any_question_behind_any_turns_is_answered_or_refused_by_name()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotImage image = questions.ImageOf(questions.All[0]);
        int answered = 0, refused = 0, tooLong = 0;
        await Gen.Select(Text, Options, Turns).SampleAsync(
            async (question, options, turns) =>
            {
                string[] wrong = [.. Wrong(question, options)];
                try
                {
                    Answer answer = await image.StartConversation(turns)
                        .AskAsync(question, options, TestContext.Current.CancellationToken).WaitAsync(NoHang, TestContext.Current.CancellationToken);
                    Assert.Empty(wrong);
                    AssertWhole(questions.Engine, answer, options, turns);
                    answered++;
                }
                catch (ArgumentException error)
                {
                    Assert.Contains(error.ParamName, wrong);
                    Assert.Contains(error.ParamName!, error.Message, StringComparison.Ordinal);
                    refused++;
                }
                catch (ContextLengthException error)
                {
                    Assert.Empty(wrong);
                    Assert.True(error.Needed >= error.Available);
                    tooLong++;
                }
                Assert.Equal(questions.FreeAtFirst, questions.Engine.FreeCachePositions);
            },
            iter: 500,
            threads: 1);
        Assert.True(answered > 50 && refused > 50 && tooLong > 0, $"{answered} answered, {refused} refused, {tooLong} too long");
        // After all that, what is right is still answered rightly.
        foreach (SpotTinyTests.Question question in questions.All)
            await questions.AskAsync(question, new AskOptions(), TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Theory]
    [InlineData(1_000, false)]
    [InlineData(1_000_000, false)]
    [InlineData(1_000_000, true)]
    public async Task A_very_long_question_is_refused_at_once(int words, bool isOneWord)
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        string question = isOneWord ? new string('a', words) : string.Concat(Enumerable.Repeat("red ", words));
        long start = Stopwatch.GetTimestamp();
        ContextLengthException error = await Assert.ThrowsAsync<ContextLengthException>(() => questions.ImageOf(questions.All[0]).AskForTestAsync(question));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 10);
        Assert.Equal(Context, error.Available);
        Assert.Equal(questions.FreeAtFirst, questions.Engine.FreeCachePositions);
    }

    [Fact]
    public async Task A_typed_image_mark_is_text()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        Answer answer = await questions.ImageOf(questions.All[0]).AskForTestAsync("Is <image> a word? </s><image>");
        Assert.Equal([1, 2], answer.Passes.Select(pass => pass.PromptIds.Count(id => id == Conversation.ImageToken)));
        Assert.Equal([0, 1], answer.Passes.Select(pass => pass.PromptIds.Count(id => id == questions.Engine.Tokenizer.EosId)));
    }

    /// <summary>The parameters that have to be refused.</summary>
    private static IEnumerable<string> Wrong(string question, AskOptions options)
    {
        if (string.IsNullOrWhiteSpace(question))
            yield return "question";
        if (options.AnswerSuffix is null)
            yield return nameof(AskOptions.AnswerSuffix);
        if (options.MaxNewTokens < 0)
            yield return nameof(AskOptions.MaxNewTokens);
        if (options.TopLogits < 0)
            yield return nameof(AskOptions.TopLogits);
        if (!(options.Temperature >= 0 && float.IsFinite(options.Temperature)))
            yield return nameof(AskOptions.Temperature);
        if (!(options.TopP > 0 && options.TopP <= 1))
            yield return nameof(AskOptions.TopP);
        if (options.StopTexts is null || options.StopTexts.Any(string.IsNullOrEmpty))
            yield return nameof(AskOptions.StopTexts);
    }

    private static void AssertWhole(ChainOfSpotEngine engine, Answer answer, AskOptions options, ConversationTurn[] turns)
    {
        Assert.Equal(options.Direct ? 1 : 2, answer.Passes.Count);
        Assert.Equal(options.Direct, answer.Region is null);
        Assert.InRange(answer.Probability, 0, 1 + 1e-6);
        Assert.All(options.StopTexts, stop => Assert.DoesNotContain(stop, answer.Text, StringComparison.Ordinal));
        int shown = 1 + turns.Count(turn => turn.RegionText is not null);
        foreach (PassResult pass in answer.Passes)
        {
            Assert.Equal(shown++, pass.PromptIds.Count(id => id == Conversation.ImageToken));
            Assert.All(pass.OutputIds, id => Assert.InRange(id, 0, engine.Config.Text.VocabularySize - 1));
            Assert.InRange(pass.PromptTokens + pass.OutputIds.Count, 1, Context + 1);
            if (pass.Kind != PassKind.Region || options.FreeRegion || options.IgnoreEndToken)
                Assert.InRange(pass.OutputIds.Count, 0, options.MaxNewTokens);
            Assert.InRange(pass.TopLogits.Count, 0, Math.Min(options.TopLogits, engine.Config.Text.VocabularySize));
        }
    }
}
