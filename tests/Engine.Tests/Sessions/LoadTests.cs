using System.Diagnostics;
using System.Globalization;
using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>Tests that need the machine to themselves.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>
/// 64 threads that ask about 16 pictures in every way there is, cancel at random and dispose what others use, for twelve seconds,
/// or for as many as COS_LOAD_SECONDS says. Every answer is that of the question asked alone; memory stays what it was.
/// </summary>
[Collection(nameof(Alone))]
public sealed class LoadTests
{
    private const int Askers = 64;
    private const int Pictures = 16;
    private const long ReuseBudget = 6L << 20;
    private const int Megabyte = 1 << 20;

    private static readonly TimeSpan NoHang = TimeSpan.FromSeconds(60);

    private enum Way
    {
        Twice,
        Direct,
        Drawn,
        Streamed,
        Conversation,
    }

    [Fact]
    public async Task Sixty_four_questions_at_once_are_answered_rightly_and_leak_nothing()
    {
        string? seconds = Environment.GetEnvironmentVariable("COS_LOAD_SECONDS");
        TimeSpan time = TimeSpan.FromSeconds(seconds is null ? 12 : double.Parse(seconds, CultureInfo.InvariantCulture));
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(
            TestEngine.SpotTiny, new EngineOptions { Threads = 0, CachePositions = 12 * 1024, ReuseMemory = ReuseBudget });
        int freeAtFirst = engine.FreeCachePositions;
        Run run = await Run.PrepareAsync(engine);

        run.End = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        Thread[] threads = [.. Enumerable.Range(0, Askers).Select(seed => new Thread(() => run.AskOn(new Random(seed))))];
        foreach (Thread thread in threads)
            thread.Start();
        List<Sample> samples = [];
        TimeSpan step = TimeSpan.FromSeconds(Math.Min(20, time.TotalSeconds / 12));
        while (Stopwatch.GetTimestamp() < run.End && run.Failure is null)
        {
            await Task.Delay(step, TestContext.Current.CancellationToken);
            samples.Add(Sample.Take(samples.Count, step, engine, run));
        }
        foreach (Thread thread in threads)
            Assert.True(thread.Join(NoHang), "A thread hangs.");
        Assert.Null(run.Failure);

        run.Dispose();
        Assert.Equal(freeAtFirst, engine.FreeCachePositions);
        Assert.InRange(engine.ReusedBytes, 0, ReuseBudget);
        engine.ForgetReused();
        Assert.Equal((freeAtFirst, 0), (engine.FreeCachePositions, engine.ReusedBytes));
        Assert.True(run.Answered > 100 && run.Cancelled > 20 && run.Disposed > 0, $"{run.Answered} answered, {run.Cancelled} cancelled, {run.Disposed} disposed");
        Assert.All(samples, sample => Assert.InRange(sample.Reused, 0, ReuseBudget));
        // The first quarter warms up.
        Sample[] warm = [.. samples.Skip(samples.Count / 4)];
        int half = warm.Length / 2;
        Assert.InRange(warm[half..].Min(s => s.Heap), 0, warm[..half].Max(s => s.Heap) + (4 * Megabyte));
        Assert.InRange(warm[half..].Min(s => s.WorkingSet), 0, warm[..half].Max(s => s.WorkingSet) + (16 * Megabyte));
    }

    /// <summary>What the process holds at a moment.</summary>
    private sealed record Sample(long WorkingSet, long Heap, long Reused)
    {
        public static Sample Take(int index, TimeSpan step, ChainOfSpotEngine engine, Run run)
        {
            long heap = GC.GetTotalMemory(forceFullCollection: true);
            using var process = Process.GetCurrentProcess();
            var sample = new Sample(process.WorkingSet64, heap, engine.ReusedBytes);
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(index + 1) * step.TotalSeconds,5:0} s: {run.Answered} answered, {run.Cancelled} cancelled, {run.Disposed} disposed; "
                + $"working set {sample.WorkingSet / Megabyte} MB, heap {sample.Heap / 1e6:0.0} MB, reused {sample.Reused / 1e6:0.0} MB"));
            return sample;
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly ChainOfSpotEngine _engine;
        private readonly Picture[] _pictures;
        private readonly SpotImage[] _shared;
        private readonly SpotTinyTests.Question[] _questions;

        /// <summary>What is said to a question that is asked alone, by question and way.</summary>
        private readonly Dictionary<(int Question, Way Way), string> _alone = [];
        private int _answered;
        private int _cancelled;
        private int _disposed;

        private Run(ChainOfSpotEngine engine)
        {
            _engine = engine;
            _pictures = [.. Enumerable.Range(0, Pictures).Select(i => Picture.Decode(Fixtures.Path("spot-tiny", $"spot-{i:000}.png")))];
            _shared = [.. _pictures.Select(engine.OpenImage)];
            _questions = [.. SpotTinyTests.Question.All.Where(question => PictureOf(question) < Pictures)];
        }

        public long End { get; set; }

        public int Answered => _answered;

        public int Cancelled => _cancelled;

        /// <summary>Questions that found their picture disposed.</summary>
        public int Disposed => _disposed;

        public Exception? Failure { get; private set; }

        public static async Task<Run> PrepareAsync(ChainOfSpotEngine engine)
        {
            var run = new Run(engine);
            for (int question = 0; question < run._questions.Length; question++)
            {
                using SpotImage image = engine.OpenImage(run._pictures[PictureOf(run._questions[question])]);
                foreach (Way way in Enum.GetValues<Way>())
                {
                    string said = await run.AskAsync(image, question, way, reuse: false, endsEarly: false, TestContext.Current.CancellationToken);
                    run._alone.Add((question, way), said);
                }
                Assert.StartsWith(string.Join(' ', run._questions[question].RegionIds), run._alone[(question, Way.Twice)], StringComparison.Ordinal);
            }
            return run;
        }

        /// <summary>Asks one question after the other until the time is over.</summary>
        public void AskOn(Random random)
        {
            try
            {
                while (Stopwatch.GetTimestamp() < End && Failure is null)
                    AskOneAsync(random).WaitAsync(NoHang).GetAwaiter().GetResult();
            }
            catch (Exception error)
            {
                Failure = error;
            }
        }

        public void Dispose()
        {
            foreach (SpotImage image in _shared)
                image.Dispose();
        }

        private static int PictureOf(SpotTinyTests.Question question) => int.Parse(question.Image.AsSpan(5, 3), CultureInfo.InvariantCulture);

        private async Task AskOneAsync(Random random)
        {
            int question = random.Next(_questions.Length);
            int picture = PictureOf(_questions[question]);
            var way = (Way)random.Next(5);
            bool isOwn = random.Next(2) == 0;
            bool endsEarly = way == Way.Streamed && random.Next(4) == 0;
            using var source = new CancellationTokenSource();
            bool cancels = random.Next(4) == 0;
            if (cancels)
                source.CancelAfter(TimeSpan.FromMilliseconds(random.Next(0, 400)));
            SpotImage image = isOwn ? _engine.OpenImage(_pictures[picture]) : Volatile.Read(ref _shared[picture]);
            try
            {
                Task<string> asked = AskAsync(image, question, way, reuse: random.Next(5) > 0, endsEarly, source.Token);
                // A conversation asks once more; the others may lose their picture now that they are open.
                if (isOwn && way != Way.Conversation)
                    image.Dispose();
                else if (random.Next(50) == 0)
                    Interlocked.Exchange(ref _shared[picture], _engine.OpenImage(_pictures[picture])).Dispose();
                string said = await asked.ConfigureAwait(false);
                if (!endsEarly && said != _alone[(question, way)])
                    throw new InvalidOperationException($"{way}, {_questions[question].Image}, {_questions[question].Text}: {said} instead of {_alone[(question, way)]}");
                Interlocked.Increment(ref _answered);
            }
            catch (OperationCanceledException) when (cancels)
            {
                Interlocked.Increment(ref _cancelled);
            }
            catch (ObjectDisposedException) when (!isOwn)
            {
                Interlocked.Increment(ref _disposed);
            }
            finally
            {
                if (isOwn)
                    image.Dispose();
            }
        }

        /// <returns>The ids of all passes.</returns>
        private async Task<string> AskAsync(SpotImage image, int index, Way way, bool reuse, bool endsEarly, CancellationToken cancellation)
        {
            string question = _questions[index].Text;
            var options = new AskOptions { Reuse = reuse, Direct = way == Way.Direct };
            switch (way)
            {
                case Way.Drawn:
                    return Ids(await image.AskAsync(question, options with { Temperature = 0.8f, TopP = 0.9f, Seed = index }, cancellation).ConfigureAwait(false));
                case Way.Streamed:
                    string text = "";
                    await foreach (AnswerUpdate update in image.AskStreamingAsync(question, options, cancellation).ConfigureAwait(false))
                    {
                        text += update.Text;
                        if (endsEarly)
                            break;
                        if (update.Answer is { } whole)
                            return text == whole.Text ? Ids(whole) : $"\"{text}\" streamed of \"{whole.Text}\"";
                    }
                    return text;
                case Way.Conversation:
                    SpotConversation conversation = image.StartConversation();
                    string first = Ids(await conversation.AskAsync(question, options, cancellation).ConfigureAwait(false));
                    string second = Ids(await conversation.AskAsync("What color is it?", options with { Direct = true }, cancellation).ConfigureAwait(false));
                    return $"{first} / {second}";
                default:
                    return Ids(await image.AskAsync(question, options, cancellation).ConfigureAwait(false));
            }
        }

        private static string Ids(Answer answer) => string.Join(" | ", answer.Passes.Select(pass => string.Join(' ', pass.OutputIds)));
    }
}
