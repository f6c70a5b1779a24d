using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Sessions;

namespace ChainOfSpot;

/// <summary>
/// A session on a picture that questions are asked about. What was computed of its pixels is kept by the engine, in this session
/// and in others: every question goes on from the longest beginning of its prompt that is kept. It holds no memory but the
/// picture's. Thread-safe.
/// </summary>
public sealed class SpotImage : IAsyncDisposable, IDisposable
{
    private readonly ChainOfSpotEngine _engine;
    private volatile bool _disposed;

    internal SpotImage(ChainOfSpotEngine engine, Picture picture)
    {
        _engine = engine;
        Picture = picture;
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
    /// <exception cref="KvCacheFullException">The engine's key-value cache is too small for this question alone; where other
    /// questions hold it, the question waits for them.</exception>
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
    /// Ends the session: open questions are answered, none can be asked any more. What is kept of the picture stays within the
    /// engine's <see cref="EngineOptions.ReuseMemory"/>, for sessions to come on the same pixels.
    /// </summary>
    public void Dispose() => _disposed = true;

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    internal async Task<Answer> RunAsync(
        string question,
        AskOptions options,
        IReadOnlyList<ConversationTurn> turns,
        Action<AnswerUpdate>? report,
        CancellationToken cancellationToken)
    {
        Check(question, options);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return await new QuestionFlow(_engine, Picture, question, options, turns, report, cancellationToken).RunAsync().ConfigureAwait(false);
    }

    internal IAsyncEnumerable<AnswerUpdate> StreamAsync(
        string question, AskOptions options, IReadOnlyList<ConversationTurn> turns, CancellationToken cancellationToken)
    {
        Check(question, options);
        return UpdatesAsync(question, options, turns, cancellationToken);
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
}
