using System.Diagnostics;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;
using ChainOfSpot.Regions;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;
using ChainOfSpot.Text;

namespace ChainOfSpot;

/// <summary>
/// A picture that questions are asked about. Its features and the keys and values of the system prompt and the picture are
/// computed once; every question goes on from a fork of them. Thread-safe.
/// </summary>
public sealed class SpotImage : IAsyncDisposable, IDisposable
{
    private readonly ChainOfSpotEngine _engine;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly PictureEncoder _encoder;
    private KvSequence? _prefix;
    private Tensor? _features;
    private bool _disposed;

    internal SpotImage(ChainOfSpotEngine engine, Picture picture)
    {
        _engine = engine;
        Picture = picture;
        _encoder = new PictureEncoder(engine, picture);
    }

    /// <summary>The picture.</summary>
    public Picture Picture { get; }

    /// <summary>Answers a question about the picture.</summary>
    /// <param name="question">The question, answer-format suffix included.</param>
    /// <param name="options">How it is answered; by default by looking twice.</param>
    /// <param name="cancellationToken">Stops within one layer of the model; what was cached for the question is given back.</param>
    /// <exception cref="ContextLengthException">The prompt is longer than the model's context.</exception>
    /// <exception cref="KvCacheFullException">Other questions hold the cache.</exception>
    public async Task<Answer> AskAsync(string question, AskOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(question);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var flow = new QuestionFlow(_engine, this, question, options ?? new AskOptions(), cancellationToken);
        return await flow.RunAsync().ConfigureAwait(false);
    }

    /// <summary>Gives back what is cached for the picture. No question may be open.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _prefix?.Dispose();
        _features?.Dispose();
        _encoder.Dispose();
        _gate.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    internal PictureEncoder Encoder => _encoder;

    /// <summary>The features of the whole picture, computed at the first call.</summary>
    internal async Task<Tensor> FeaturesAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return _features ??= (await _encoder.EncodeAsync(box: null, cancellation).ConfigureAwait(false)).Features;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A fork of the cached prefix of a prompt, or an empty sequence where nothing is cached yet.</summary>
    internal async Task<KvSequence> ForkPrefixAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return _prefix is null
                ? new KvSequence(_engine.Pages)
                : await _engine.Steps.RunAsync(() => _prefix.Fork(_engine.Device), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Keeps the first <paramref name="length"/> positions of a sequence for the questions to come.</summary>
    internal async Task KeepPrefixAsync(KvSequence sequence, int length, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _prefix ??= await _engine.Steps.RunAsync(() => sequence.Fork(_engine.Device, length), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }
}
