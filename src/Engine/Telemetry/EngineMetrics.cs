using System.Diagnostics.Metrics;

namespace ChainOfSpot.Telemetry;

/// <summary>
/// The instruments of one engine. Numbers are recorded when a question ends, on its own side, and observed when somebody reads
/// them: the thread that uses the device records nothing.
/// </summary>
internal sealed class EngineMetrics : IDisposable
{
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100],
    };

    private readonly Meter _meter;
    private readonly Histogram<double> _question;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _stage;
    private readonly Counter<long> _tokens;

    public EngineMetrics(ChainOfSpotEngine engine)
    {
        _meter = new Meter(new MeterOptions(ChainOfSpotTelemetry.Name)
        {
            Tags = [new("chainofspot.model", engine.ModelName)],
            Scope = engine,
        });
        _question = _meter.CreateHistogram(
            "chainofspot.question.duration", "s", "From the question to its answer, error or cancellation.", tags: null, Seconds);
        _firstToken = _meter.CreateHistogram(
            "chainofspot.time_to_first_token", "s", "From the question to the first token of its answer.", tags: null, Seconds);
        _stage = _meter.CreateHistogram("chainofspot.stage.duration", "s", "What a stage of a question took.", tags: null, Seconds);
        _tokens = _meter.CreateCounter<long>("chainofspot.tokens", "{token}", "Positions fed, found in the cache and decoded.");
        Observe(engine);
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Records a question that was answered.</summary>
    public void Answered(Answer answer, bool direct, TimeSpan firstToken)
    {
        Ended("answered", direct, answer.Timings.Total);
        if (answer.Passes[^1].OutputIds.Count > 0)
            _firstToken.Record(firstToken.TotalSeconds, Mode(direct));
        if (_tokens.Enabled)
        {
            AddTokens("input", answer.Usage.InputTokens - answer.Usage.CachedInputTokens);
            AddTokens("cached", answer.Usage.CachedInputTokens);
            AddTokens("output", answer.Usage.OutputTokens);
        }
        if (!_stage.Enabled)
            return;
        AnswerTimings timings = answer.Timings;
        RecordStage("encode_picture", timings.EncodeImage);
        RecordStage(direct ? "prefill_direct" : "prefill_region", timings.FirstPrefill);
        RecordStage(direct ? "decode_direct" : "decode_region", timings.FirstDecode);
        if (direct)
            return;
        RecordStage("encode_region", timings.EncodeRegion);
        RecordStage("prefill_answer", timings.SecondPrefill);
        RecordStage("decode_answer", timings.SecondDecode);
    }

    /// <summary>Records a question that ended without an answer.</summary>
    public void Failed(Exception error, bool direct, TimeSpan time) =>
        Ended(error is OperationCanceledException ? "cancelled" : "failed", direct, time);

    private static KeyValuePair<string, object?> Mode(bool direct) => new("chainofspot.mode", direct ? "direct" : "twice");

    private void Observe(ChainOfSpotEngine engine)
    {
        _meter.CreateObservableUpDownCounter(
            "chainofspot.questions.running", () => engine.Cache.OpenQuestions, "{question}", "Questions that have their place in the cache.");
        _meter.CreateObservableUpDownCounter(
            "chainofspot.questions.waiting", () => engine.Cache.WaitingQuestions, "{question}", "Questions that wait for a place in the cache.");
        _meter.CreateObservableUpDownCounter(
            "chainofspot.cache.free", () => engine.FreeCachePositions, "{position}", "Positions of the cache that no open question holds.");
        _meter.CreateObservableUpDownCounter(
            "chainofspot.reuse.kept", () => engine.ReusedBytes, "By", "Bytes that are kept for questions to come.");
    }

    private void Ended(string outcome, bool direct, TimeSpan time) =>
        _question.Record(time.TotalSeconds, new KeyValuePair<string, object?>("chainofspot.outcome", outcome), Mode(direct));

    private void AddTokens(string type, int count) =>
        _tokens.Add(count, new KeyValuePair<string, object?>("chainofspot.token.type", type));

    private void RecordStage(string stage, TimeSpan time)
    {
        if (time > TimeSpan.Zero)
            _stage.Record(time.TotalSeconds, new KeyValuePair<string, object?>("chainofspot.stage", stage));
    }
}
