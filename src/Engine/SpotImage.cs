using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
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
    private readonly Lock _counting = new();
    private readonly PictureEncoder _encoder;
    private KvSequence? _prefix;
    private Tensor? _features;
    private int _openQuestions;
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
    /// <param name="cancellationToken">
    /// Stops within one layer of the model, or behind the step that other questions are in; what was cached for the question is
    /// given back.
    /// </param>
    /// <exception cref="ArgumentException">The question is empty, or a value of <paramref name="options"/> is out of its range.</exception>
    /// <exception cref="ObjectDisposedException">The picture or the engine was disposed.</exception>
    /// <exception cref="ContextLengthException">The prompt is longer than the model's context.</exception>
    /// <exception cref="KvCacheFullException">Other questions hold the cache.</exception>
    public Task<Answer> AskAsync(string question, AskOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(question, options ?? new AskOptions(), turns: [], report: null, cancellationToken);

    /// <summary>
    /// Answers a question about the picture bit by bit: first where the second pass looks, then the text as it is decoded, at
    /// last the whole answer. Ending the enumeration early cancels the question.
    /// </summary>
    /// <inheritdoc cref="AskAsync"/>
    public IAsyncEnumerable<AnswerUpdate> AskStreamingAsync(
        string question, AskOptions? options = null, CancellationToken cancellationToken = default) =>
        StreamAsync(question, options ?? new AskOptions(), turns: [], cancellationToken);

    /// <summary>A conversation about the picture: questions that are asked behind those before them.</summary>
    /// <param name="turns">What was asked and answered before; null for nothing.</param>
    public SpotConversation StartConversation(IEnumerable<ConversationTurn>? turns = null) => new(this, turns ?? []);

    /// <summary>
    /// Gives back what is cached for the picture, once the questions that are open are answered. None can be asked any more.
    /// </summary>
    public void Dispose()
    {
        lock (_counting)
        {
            if (_disposed)
                return;
            _disposed = true;
            ReleaseWhenDone();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    internal PictureEncoder Encoder => _encoder;

    internal async Task<Answer> RunAsync(
        string question,
        AskOptions options,
        IReadOnlyList<ConversationTurn> turns,
        Action<AnswerUpdate>? report,
        CancellationToken cancellationToken)
    {
        Check(question, options);
        lock (_counting)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _openQuestions++;
        }
        try
        {
            var flow = new QuestionFlow(_engine, this, question, options, turns, report, cancellationToken);
            return await flow.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (_counting)
            {
                _openQuestions--;
                ReleaseWhenDone();
            }
        }
    }

    internal IAsyncEnumerable<AnswerUpdate> StreamAsync(
        string question, AskOptions options, IReadOnlyList<ConversationTurn> turns, CancellationToken cancellationToken)
    {
        Check(question, options);
        return UpdatesAsync(question, options, turns, cancellationToken);
    }

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

    /// <summary>
    /// Keeps the first <paramref name="length"/> positions of a sequence for the questions to come, where the cache has room.
    /// </summary>
    internal async Task KeepPrefixAsync(KvSequence sequence, int length, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _prefix ??= await _engine.Steps.RunAsync(() => sequence.Fork(_engine.Device, length), cancellation).ConfigureAwait(false);
        }
        catch (KvCacheFullException)
        {
            // The question has what it needs; the next one feeds the picture anew.
        }
        finally
        {
            _gate.Release();
        }
    }

    private async IAsyncEnumerable<AnswerUpdate> UpdatesAsync(
        string question,
        AskOptions options,
        IReadOnlyList<ConversationTurn> turns,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var updates = Channel.CreateUnbounded<AnswerUpdate>(new UnboundedChannelOptions { SingleReader = true });
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Answer> asked = RunAsync(question, options, turns, update => updates.Writer.TryWrite(update), ended.Token);
        Task closed = asked.ContinueWith(
            _ => updates.Writer.Complete(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            // An error comes behind what was said before it.
            await foreach (AnswerUpdate update in updates.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return update;
            yield return new AnswerUpdate { Answer = await asked.ConfigureAwait(false) };
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await closed.ConfigureAwait(false);
        }
    }

    private static void Check(string question, AskOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(question);
        options.Validate();
    }

    private void ReleaseWhenDone()
    {
        if (!_disposed || _openQuestions > 0)
            return;
        _prefix?.Dispose();
        _features?.Dispose();
        _encoder.Dispose();
        _gate.Dispose();
    }
}
