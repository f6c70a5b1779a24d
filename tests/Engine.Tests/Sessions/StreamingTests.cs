using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;
using ChainOfSpot.Text;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Answers that are told bit by bit, sampling and stop texts.</summary>
public sealed class StreamingTests
{
    [Fact]
    public async Task The_region_comes_first_then_the_text_then_the_answer()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        foreach (SpotTinyTests.Question question in questions.All)
        {
            List<AnswerUpdate> updates = await StreamAsync(questions.ImageOf(question), question.Text);
            Answer answer = updates[^1].Answer!;
            Assert.Equal(question.ReferenceRegion, updates[0].Region!.Text);
            Assert.All(updates[1..], u => Assert.Null(u.Region));
            Assert.All(updates[..^1], u => Assert.Null(u.Answer));
            Assert.All(updates[1..^1], u => Assert.NotEqual("", u.Text));
            Assert.Equal(question.ReferenceAnswer, string.Concat(updates.Select(u => u.Text)));
            Assert.Equal((question.ReferenceAnswer, updates[0].Region), (answer.Text, answer.Region));

            List<AnswerUpdate> direct = await StreamAsync(questions.ImageOf(question), question.Text, new AskOptions { Direct = true });
            Assert.All(direct, u => Assert.Null(u.Region));
            Assert.Equal(direct[^1].Answer!.Text, string.Concat(direct.Select(u => u.Text)));
        }
        questions.CloseImages();
    }

    [Fact]
    public async Task An_answer_says_whether_it_was_cut()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotTinyTests.Question question = questions.All[0];
        SpotImage image = questions.ImageOf(question);
        int context = questions.Engine.Config.Text.MaxPositions;
        (AskOptions Options, bool IsTruncated)[] cases =
        [
            (new AskOptions(), false),
            (new AskOptions { MaxNewTokens = question.AnswerIds.Length }, false),
            (new AskOptions { MaxNewTokens = question.AnswerIds.Length - 1 }, true),
            (new AskOptions { MaxNewTokens = 0, Direct = true }, true),
            (new AskOptions { StopTexts = [question.ReferenceAnswer[..1]] }, false),
            (new AskOptions { IgnoreEndToken = true, Direct = true, MaxNewTokens = context }, true),
        ];
        foreach ((AskOptions options, bool isTruncated) in cases)
            Assert.Equal(isTruncated, (await image.AskForTestAsync(question.Text, options)).IsTruncated);
        questions.CloseImages();
    }

    [Fact]
    public async Task Ending_the_enumeration_early_cancels_the_question()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        var endless = new AskOptions { IgnoreEndToken = true, MaxNewTokens = 600, Direct = true };
        await foreach (AnswerUpdate update in questions.ImageOf(questions.All[0]).AskStreamingAsync(
            "What is it?", endless, TestContext.Current.CancellationToken))
        {
            Assert.NotEqual("", update.Text);
            break;
        }
        questions.CloseImages();
    }

    [Fact]
    public async Task Errors_and_cancellations_come_out_of_the_enumeration()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotImage image = questions.ImageOf(questions.All[0]);
        Assert.Throws<ArgumentException>(() => image.AskStreamingAsync(" ", cancellationToken: TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ContextLengthException>(() => StreamAsync(image, new string('x', 5000)));
        using var source = new CancellationTokenSource();
        var endless = new AskOptions { IgnoreEndToken = true, MaxNewTokens = 600 };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (AnswerUpdate update in image.AskStreamingAsync("What is it?", endless, source.Token))
                await source.CancelAsync();
        });
        questions.CloseImages();
    }

    [Fact]
    public async Task Stop_texts_end_the_answer_before_them()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotTinyTests.Question question = questions.All.First(q => q.ReferenceAnswer.Length == 3);
        string text = question.ReferenceAnswer;
        SpotImage image = questions.ImageOf(question);
        var options = new AskOptions { StopTexts = ["never", text[1..2]] };
        List<AnswerUpdate> updates = await StreamAsync(image, question.Text, options);
        Answer answer = await image.AskForTestAsync(question.Text, options);
        Assert.Equal(text[..1], answer.Text);
        Assert.Equal(text[..1], string.Concat(updates.Select(u => u.Text)));
        Assert.True(answer.Passes[1].OutputIds.Count < question.AnswerIds.Length - 1);
        Assert.Equal(question.ReferenceRegion, answer.Region!.Text);
        Assert.Equal(text, (await image.AskForTestAsync(question.Text, options with { StopTexts = ["x" + text, text + "x"] })).Text);
        questions.CloseImages();
    }

    [Fact]
    public async Task A_seed_repeats_an_answer_and_a_low_temperature_is_greedy()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        SpotTinyTests.Question question = questions.All[0];
        SpotImage image = questions.ImageOf(question);
        var wild = new AskOptions { Temperature = 50, TopP = 0.95f, Seed = 11, MaxNewTokens = 40, IgnoreEndToken = true };
        Answer first = await image.AskForTestAsync(question.Text, wild with { RegionText = question.ReferenceRegion });
        Answer second = await image.AskForTestAsync(question.Text, wild with { RegionText = question.ReferenceRegion });
        Answer other = await image.AskForTestAsync(question.Text, wild with { RegionText = question.ReferenceRegion, Seed = 12 });
        Assert.Equal(first.Passes[1].OutputIds, second.Passes[1].OutputIds);
        Assert.NotEqual(first.Passes[1].OutputIds, other.Passes[1].OutputIds);
        Answer cold = await image.AskForTestAsync(question.Text, new AskOptions { Temperature = 0.01f, Seed = 11 });
        Assert.Equal(question.AnswerIds, cold.Passes[1].OutputIds);
        Assert.Equal(question.RegionIds, cold.Passes[0].OutputIds);
        questions.CloseImages();
    }

    [Fact]
    public async Task Options_out_of_their_range_are_refused_by_name()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        foreach ((AskOptions options, string name) in new[]
        {
            (new AskOptions { Temperature = -1 }, nameof(AskOptions.Temperature)),
            (new AskOptions { Temperature = float.NaN }, nameof(AskOptions.Temperature)),
            (new AskOptions { TopP = 0 }, nameof(AskOptions.TopP)),
            (new AskOptions { TopP = 1.1f }, nameof(AskOptions.TopP)),
            (new AskOptions { StopTexts = [""] }, nameof(AskOptions.StopTexts)),
            (new AskOptions { MaxNewTokens = -1 }, nameof(AskOptions.MaxNewTokens)),
            (new AskOptions { TopLogits = -1 }, nameof(AskOptions.TopLogits)),
        })
        {
            ArgumentException error = await Assert.ThrowsAnyAsync<ArgumentException>(
                () => questions.ImageOf(questions.All[0]).AskForTestAsync("What is it?", options));
            Assert.Equal(name, error.ParamName);
        }
    }

    /// <summary>Texts of few letters, so that stop texts and their beginnings are met often.</summary>
    [Fact]
    public void Text_comes_in_pieces_that_are_final() => Gen.Select(Words(0, 12), Words(1, 3).Array[0, 3]).Sample((words, stops) =>
    {
        string all = string.Concat(words);
        string[] stopTexts = [.. stops.Select(s => string.Concat(s)).Where(s => s.Trim().Length > 0)];
        var tokenizer = LlamaTokenizer.FromFile(Fixtures.Path("tokenizer-512.model"));
        var text = new AnswerText(tokenizer, stopTexts);
        string given = "";
        bool stopped = false;
        foreach (int id in tokenizer.Encode(all))
        {
            stopped = text.Append(id, out string more);
            given += more;
            Assert.Equal(given, text.Text);
            if (stopped)
                break;
        }
        given += text.Complete();
        int end = stopTexts.Select(s => all.TrimStart().IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0).DefaultIfEmpty(-1).Min();
        Assert.Equal(end >= 0, stopped);
        if (end < 0)
            Assert.Equal(all.Trim(), given);
        else
            Assert.StartsWith(given, all.TrimStart(), StringComparison.Ordinal);
        Assert.DoesNotContain(stopTexts, s => given.Contains(s, StringComparison.Ordinal));
        Assert.Equal(given.Trim(), given);
    });

    private static Gen<string[]> Words(int fewest, int most) => Gen.Int[0, 4].Select(i => "ab \n\u00E9"[i].ToString()).Array[fewest, most];

    private static async Task<List<AnswerUpdate>> StreamAsync(SpotImage image, string question, AskOptions? options = null)
    {
        var updates = new List<AnswerUpdate>();
        await foreach (AnswerUpdate update in image.AskStreamingAsync(question, options, TestContext.Current.CancellationToken))
            updates.Add(update);
        return updates;
    }
}
