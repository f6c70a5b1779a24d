using System.Diagnostics;
using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Calls that are cancelled, and engines and pictures that are disposed, while questions are open.</summary>
public sealed class CancellationTests
{
    private static readonly TimeSpan NoHang = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_call_that_is_cancelled_at_any_moment_gives_its_memory_back_and_the_next_one_is_right()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        var watch = Stopwatch.StartNew();
        var scratch = new AskOptions { Reuse = false };
        await questions.AskAsync(questions.All[0], scratch, TestContext.Current.CancellationToken);
        watch.Restart();
        await questions.AskAsync(questions.All[0], scratch, TestContext.Current.CancellationToken);
        TimeSpan whole = watch.Elapsed;
        int cancelled = 0;
        const int Moments = 40;
        for (int moment = 0; moment < Moments; moment++)
        {
            using var source = new CancellationTokenSource();
            Task asked = questions.AskAsync(questions.All[0], scratch, source.Token);
            // Finer than timers tick: encode, prefill and decode of both passes are all met.
            for (watch.Restart(); watch.Elapsed < whole * moment / Moments;)
                Thread.SpinWait(20);
            await source.CancelAsync();
            try
            {
                await asked.WaitAsync(NoHang, TestContext.Current.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                cancelled++;
            }
            Assert.Equal(questions.FreeAtFirst, questions.Engine.FreeCachePositions);
        }
        Assert.InRange(cancelled, 1, Moments);
        foreach (SpotTinyTests.Question question in questions.All)
            await questions.AskAsync(question, new AskOptions(), TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_stops_the_call_before_anything_is_computed()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        foreach (bool reuse in (bool[])[true, false])
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => questions.AskAsync(questions.All[0], new AskOptions { Reuse = reuse }, new CancellationToken(canceled: true)));
        }
        questions.CloseImages();
    }

    [Fact]
    public async Task The_language_model_stops_before_the_next_layer()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
        for (int layers = 0; layers < engine.Config.Text.Layers; layers++)
        {
            int asked = 0;
            TensorView? logits = await engine.OnDeviceAsync(() =>
            {
                using var sequence = new KvSequence(engine.Pages);
                using var batch = new RaggedBatch(engine.Device, 8, 1, 1);
                batch.Add(sequence, [1, 5, 7], outputs: 1);
                batch.Send();
                return engine.Model.Language.Forward(batch, [], engine.Pages.Pool, () => asked++ == layers);
            });
            Assert.Null(logits);
            Assert.Equal(layers + 1, asked);
        }
    }

    [Fact]
    public async Task The_tower_stops_before_the_next_layer()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
        using var source = new CancellationTokenSource();
        using Tensor pixels = engine.Device.Allocate(ElementType.F32, 1, 3 * 112 * 112);
        using Tensor features = engine.Device.Allocate(ElementType.F32, 64, 128);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.OnDeviceAsync(() =>
        {
            engine.Model.Tower.Encode(pixels, features, source.Token);
            return true;
        }));
    }

    [Fact]
    public async Task A_decoding_that_is_cancelled_ends_and_others_in_its_steps_go_on()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        using var source = new CancellationTokenSource();
        var endless = new AskOptions { Direct = true, IgnoreEndToken = true, MaxNewTokens = 800 };
        Task<Answer> cancelled = questions.ImageOf(questions.All[0]).AskAsync("What is it?", endless, source.Token);
        Task other = questions.AskAsync(questions.All[1], new AskOptions(), TestContext.Current.CancellationToken);
        // Cancelled between two steps, on the thread that makes them.
        await questions.Engine.OnDeviceAsync(() =>
        {
            Assert.False(cancelled.IsCompleted);
            source.Cancel();
            return true;
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(NoHang, TestContext.Current.CancellationToken));
        await other.WaitAsync(NoHang, TestContext.Current.CancellationToken);
        questions.CloseImages();
    }

    [Fact]
    public async Task An_engine_that_is_disposed_fails_open_questions_and_does_not_hang()
    {
        for (int moment = 0; moment < 12; moment++)
        {
            ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
            SpotImage image = engine.OpenImage(Picture.Decode(Fixtures.Path("spot-tiny", "spot-000.png")));
            var endless = new AskOptions { IgnoreEndToken = true, MaxNewTokens = 800 };
            Task<Answer>[] asked = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(() => image.AskForTestAsync("What is it?", endless)))];
            await Task.Delay(moment, TestContext.Current.CancellationToken);
            await Task.Run(engine.Dispose, TestContext.Current.CancellationToken).WaitAsync(NoHang, TestContext.Current.CancellationToken);
            foreach (Task<Answer> question in asked)
            {
                await Assert.ThrowsAsync<ObjectDisposedException>(
                    () => question.WaitAsync(NoHang, TestContext.Current.CancellationToken));
            }
            await Assert.ThrowsAsync<ObjectDisposedException>(() => image.AskForTestAsync("What is it?"));
            Assert.Throws<ObjectDisposedException>(() => engine.OpenImage(image.Picture));
            engine.Dispose();
            image.Dispose();
        }
    }

    [Fact]
    public async Task A_picture_that_is_disposed_answers_its_open_questions_and_no_more()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1, CachePositions = 8192 });
        Task[] asked = [.. questions.All.Select(q => questions.AskAsync(q, new AskOptions(), TestContext.Current.CancellationToken))];
        foreach (SpotTinyTests.Question question in questions.All)
            questions.ImageOf(question).Dispose();
        await Task.WhenAll(asked).WaitAsync(NoHang, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => questions.ImageOf(questions.All[0]).AskForTestAsync("What is it?"));
        questions.CloseImages();
    }
}
