using System.Diagnostics;
using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Engine.Tests.Sessions;
using ChainOfSpot.Sessions;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Telemetry;

/// <summary>What the engine measures and traces is what it answers, under the names of docs/telemetry.md.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task The_instruments_measure_what_the_answers_say()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        using var listener = new TelemetryListener(questions.Engine);
        SpotTinyTests.Question question = questions.All[0];
        SpotImage image = questions.ImageOf(question);
        Answer twice = await image.AskForTestAsync(question.Text);
        Answer direct = await image.AskForTestAsync(question.Text, new AskOptions { Direct = true });
        await Assert.ThrowsAsync<ContextLengthException>(() => image.AskForTestAsync(new string('x', 5000)));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => image.AskAsync(question.Text, null, new CancellationToken(true)));

        Assert.Equal(twice.Timings.Total.TotalSeconds, listener.Sum("chainofspot.question.duration outcome=answered mode=twice"));
        Assert.Equal(direct.Timings.Total.TotalSeconds, listener.Sum("chainofspot.question.duration outcome=answered mode=direct"));
        Assert.Equal(1, listener.Count("chainofspot.question.duration outcome=failed mode=twice"));
        Assert.Equal(1, listener.Count("chainofspot.question.duration outcome=cancelled mode=twice"));

        TokenUsage[] usage = [twice.Usage, direct.Usage];
        Assert.Equal(usage.Sum(u => u.InputTokens - u.CachedInputTokens), listener.Sum("chainofspot.tokens type=input"));
        Assert.Equal(usage.Sum(u => u.CachedInputTokens), listener.Sum("chainofspot.tokens type=cached"));
        Assert.Equal(usage.Sum(u => u.OutputTokens), listener.Sum("chainofspot.tokens type=output"));

        Assert.InRange(
            listener.Sum("chainofspot.time_to_first_token mode=twice"),
            (twice.Timings.FirstPrefill + twice.Timings.SecondPrefill).TotalSeconds * 0.9,
            twice.Timings.Total.TotalSeconds);
        Assert.Equal(twice.Timings.EncodeRegion.TotalSeconds, listener.Sum("chainofspot.stage.duration stage=encode_region"));
        Assert.Equal(twice.Timings.FirstPrefill.TotalSeconds, listener.Sum("chainofspot.stage.duration stage=prefill_region"));
        Assert.Equal(twice.Timings.SecondDecode.TotalSeconds, listener.Sum("chainofspot.stage.duration stage=decode_answer"));
        Assert.Equal(direct.Timings.FirstPrefill.TotalSeconds, listener.Sum("chainofspot.stage.duration stage=prefill_direct"));

        listener.Observe();
        Assert.Equal(0, listener.Sum("chainofspot.questions.running"));
        Assert.Equal(0, listener.Sum("chainofspot.questions.waiting"));
        Assert.Equal(questions.Engine.ReusedBytes, listener.Sum("chainofspot.reuse.kept"));
        Assert.True(listener.Sum("chainofspot.reuse.kept") > 0);
        Assert.Equal(questions.FreeAtFirst, listener.Sum("chainofspot.cache.free"));
        Assert.All(listener.Instruments, i => Assert.Equal("spot-tiny", Assert.Single(i.Meter.Tags!).Value));
    }

    [Fact]
    public async Task A_question_that_is_open_runs_or_waits()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
        using var listener = new TelemetryListener(engine);
        int everything = engine.FreeCachePositions;
        CacheLease first = await OpenAsync();
        Task<CacheLease> second = OpenAsync();
        await engine.OnDeviceAsync(() => true);
        listener.Observe();
        Assert.Equal((1, 1), (listener.Sum("chainofspot.questions.running"), listener.Sum("chainofspot.questions.waiting")));
        first.Dispose();
        (await second).Dispose();

        Task<CacheLease> OpenAsync() => engine.Cache.OpenAsync(
            engine.Steps, new PromptKey([1, 20, 30], [], patches: 0), everything, reuses: false, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Every_instrument_stands_in_the_documentation_with_its_unit()
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny);
        using var listener = new TelemetryListener(engine);
        Assert.Equal(8, listener.Instruments.Count);
        string documentation = await File.ReadAllTextAsync(
            Path.Combine(Fixtures.Repository, "docs", "telemetry.md"), TestContext.Current.CancellationToken);
        Assert.All(listener.Instruments, i => Assert.Contains($"| `{i.Name}` | {i.Unit} |", documentation, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_question_is_an_activity_with_its_stages_in_it()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        using var listener = new TelemetryListener(questions.Engine);
        SpotTinyTests.Question asked = questions.All[0];
        Answer answer = await questions.ImageOf(asked).AskForTestAsync(asked.Text);
        Activity[] all = [.. listener.Activities];
        Activity question = Assert.Single(all, a => a.OperationName == "chainofspot.question");
        Assert.Equal(listener.Trace.SpanId, question.ParentSpanId);
        Assert.Equal("spot-tiny", question.GetTagItem("chainofspot.model"));
        Assert.Equal(answer.Region!.Text, question.GetTagItem("chainofspot.region"));
        Assert.Equal(answer.Usage.InputTokens, question.GetTagItem("chainofspot.tokens.input"));
        Assert.Equal(answer.Usage.CachedInputTokens, question.GetTagItem("chainofspot.tokens.cached"));
        Assert.Equal(
            [
                "encode picture", "prefill region", "decode region", "encode region", "prefill answer", "decode answer",
            ],
            all.Where(a => a != question).Select(a =>
                $"{a.OperationName["chainofspot.".Length..]} {a.GetTagItem("chainofspot.pass") ?? a.GetTagItem("chainofspot.image")}"));
        Assert.All(all.Where(a => a != question), a =>
        {
            Assert.Equal(question.SpanId, a.ParentSpanId);
            Assert.InRange(a.StartTimeUtc, question.StartTimeUtc.AddMilliseconds(-5), question.StartTimeUtc + question.Duration);
            Assert.InRange(a.Duration, TimeSpan.Zero, question.Duration + TimeSpan.FromMilliseconds(5));
        });
        Assert.Equal(answer.Passes[1].OutputIds.Count, all[^2].GetTagItem("chainofspot.tokens.output"));
        // Nothing that was asked or answered is in them.
        Assert.DoesNotContain(all.SelectMany(a => a.TagObjects), tag => Equals(tag.Value, asked.Text) || Equals(tag.Value, answer.Text));
    }

    [Fact]
    public async Task A_question_that_fails_is_an_activity_with_an_error()
    {
        await using SpotQuestions questions = await SpotQuestions.OpenAsync(new EngineOptions { Threads = 1 });
        using var listener = new TelemetryListener(questions.Engine);
        await Assert.ThrowsAsync<ContextLengthException>(() => questions.ImageOf(questions.All[0]).AskForTestAsync(new string('x', 5000)));
        Activity question = Assert.Single(listener.Activities);
        Assert.Equal(ActivityStatusCode.Error, question.Status);
        Assert.Equal(typeof(ContextLengthException).FullName, question.GetTagItem("error.type"));
    }
}
