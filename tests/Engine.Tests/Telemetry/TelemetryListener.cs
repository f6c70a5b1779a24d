using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ChainOfSpot.Engine.Tests.Telemetry;

/// <summary>Listens to all that one engine measures, and to the activities of one trace.</summary>
internal sealed class TelemetryListener : IDisposable
{
    private readonly MeterListener _meters = new();
    private readonly ActivityListener _activities;
    private readonly Activity _trace = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();

    public TelemetryListener(ChainOfSpotEngine engine)
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, engine))
            {
                Instruments.Enqueue(instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<double>(Record);
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _meters.SetMeasurementEventCallback<int>((instrument, value, tags, state) => Record(instrument, value, tags, state));
        _meters.Start();
        _activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ChainOfSpotTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.TraceId == _trace.TraceId ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = Activities.Enqueue,
        };
        ActivitySource.AddActivityListener(_activities);
    }

    public ConcurrentQueue<Instrument> Instruments { get; } = new();

    /// <summary>Name and tags of an instrument, as "name tag=value", with every value in its order.</summary>
    public ConcurrentDictionary<string, ConcurrentQueue<double>> Measured { get; } = new();

    public ConcurrentQueue<Activity> Activities { get; } = new();

    /// <summary>The activity that the questions of the test are asked in.</summary>
    public Activity Trace => _trace;

    public void Observe() => _meters.RecordObservableInstruments();

    public double Sum(string nameAndTags) => Measured.TryGetValue(nameAndTags, out ConcurrentQueue<double>? values) ? values.Sum() : 0;

    public int Count(string nameAndTags) => Measured.TryGetValue(nameAndTags, out ConcurrentQueue<double>? values) ? values.Count : 0;

    public void Dispose()
    {
        _trace.Dispose();
        _activities.Dispose();
        _meters.Dispose();
    }

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        string key = instrument.Name;
        foreach (KeyValuePair<string, object?> tag in tags)
            key += $" {tag.Key[(tag.Key.LastIndexOf('.') + 1)..]}={tag.Value}";
        Measured.GetOrAdd(key, _ => new()).Enqueue(value);
    }
}
