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
        Assert.True(answered >= 30);
        questions.CloseImages();
    }

    [Fact]
    public async Task Questions_that_find_the_cache_full_fail_alone_and_give_back_what_they_held()
    {
        // Room for two or three questions at once: some of sixteen fail, none is answered wrongly.
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = 1024 });
        int answered = 0;
        int full = 0;
        Task[] askers = [.. Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            try
            {
                await questions.AskAsync(questions.All[i % questions.All.Count], new AskOptions(), TestContext.Current.CancellationToken);
                Interlocked.Increment(ref answered);
            }
            catch (KvCacheFullException)
            {
                Interlocked.Increment(ref full);
            }
        }))];
        await Task.WhenAll(askers).WaitAsync(NoHang, TestContext.Current.CancellationToken);
        Assert.Equal(16, answered + full);
        Assert.True(full > 0);
        await questions.AskAsync(questions.All[0], new AskOptions(), TestContext.Current.CancellationToken);
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
