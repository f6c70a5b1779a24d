using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Runtime.Cache;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Many questions at once: right answers, all memory back, no deadlock.</summary>
public sealed class ConcurrencyTests
{
    private static readonly TimeSpan NoHang = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(1, 640)]
    [InlineData(2, 50)]
    public async Task Sixteen_questions_at_once_with_random_cancellations_are_answered_rightly(int threads, int stepRows)
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(
            new EngineOptions { Threads = threads, StepRows = stepRows, CachePositions = 16 * 1024 });
        var random = new Random(17);
        int answered = 0;
        Task[] askers = [.. Enumerable.Range(0, 16).Select(_ => new Random(random.Next())).Select(mine => Task.Run(async () =>
        {
            for (int i = 0; i < 4; i++)
            {
                SpotTinyTests.Question question = questions.All[mine.Next(questions.All.Count)];
                bool cancels = mine.Next(3) == 0;
                using var source = new CancellationTokenSource();
                Task asked = questions.AskAsync(question, new AskOptions { Reuse = mine.Next(4) > 0 }, source.Token);
                if (cancels)
                {
                    await Task.Delay(mine.Next(0, 60), TestContext.Current.CancellationToken);
                    await source.CancelAsync();
                }
                try
                {
                    await asked;
                    Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException) when (cancels)
                {
                }
            }
        }))];
        await Task.WhenAll(askers).WaitAsync(NoHang, TestContext.Current.CancellationToken);
        Assert.InRange(answered, 1, 64);
        questions.CloseImages();
    }

    [Theory]
    [InlineData(448)]
    [InlineData(1024)]
    public async Task Questions_that_find_the_cache_full_wait_for_room(int positions)
    {
        // Room for one question, or for two or three at once.
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = positions });
        Task[] askers = [.. Enumerable.Range(0, 16).Select(i => Task.Run(() => questions.AskAsync(
            questions.All[i % questions.All.Count], new AskOptions { Reuse = i % 3 > 0 }, TestContext.Current.CancellationToken)))];
        await Task.WhenAll(askers).WaitAsync(NoHang, TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Fact]
    public async Task A_question_that_waits_for_room_can_be_cancelled_and_those_behind_it_go_on()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = 448 });
        SpotImage image = questions.ImageOf(questions.All[0]);
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        var endless = new AskOptions { Direct = true, IgnoreEndToken = true, MaxNewTokens = 300 };
        Task<Answer> holds = image.AskAsync("What is it?", endless, first.Token);
        Task<Answer> waits = image.AskAsync("What is it?", endless, second.Token);
        Task behind = questions.AskAsync(questions.All[0], new AskOptions(), TestContext.Current.CancellationToken);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits.WaitAsync(NoHang, TestContext.Current.CancellationToken));
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => holds.WaitAsync(NoHang, TestContext.Current.CancellationToken));
        await behind.WaitAsync(NoHang, TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Fact]
    public async Task A_question_that_is_too_large_for_the_whole_cache_fails_alone()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = 448 });
        var endless = new AskOptions { Direct = true, IgnoreEndToken = true, MaxNewTokens = 800 };
        Task<Answer> large = questions.ImageOf(questions.All[0]).AskForTestAsync("What is it?", endless);
        Task other = questions.AskAsync(questions.All[1], new AskOptions(), TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<KvCacheFullException>(() => large.WaitAsync(NoHang, TestContext.Current.CancellationToken));
        await other.WaitAsync(NoHang, TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Fact]
    public async Task A_cache_with_room_for_one_question_answers_one_after_the_other()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = 448 });
        foreach (SpotTinyTests.Question question in questions.All)
            await questions.AskAsync(question, new AskOptions { Reuse = false }, TestContext.Current.CancellationToken);
        questions.CloseImages();
    }
}
