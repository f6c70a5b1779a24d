using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ChainOfSpot.Extensions.AI;

/// <summary>
/// The engine of an application: loaded once, in the background, and disposed with the application's services. A host begins to
/// load it as it starts, without waiting for it; without a host it is loaded when it is first asked for. Thread-safe.
/// </summary>
public sealed class ChainOfSpotEngineProvider : IAsyncDisposable, IDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly Lazy<Task<ChainOfSpotEngine>> _engine;
    private int _disposed;

    /// <summary>A provider of the engine that the options tell.</summary>
    /// <param name="options">Which engine.</param>
    /// <param name="loggerFactory">Where it logs to, unless the options name another; null for nowhere.</param>
    public ChainOfSpotEngineProvider(IOptions<ChainOfSpotOptions> options, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _engine = new Lazy<Task<ChainOfSpotEngine>>(() =>
        {
            ChainOfSpotOptions chosen = options.Value;
            EngineOptions engine = chosen.Engine with { LoggerFactory = chosen.Engine.LoggerFactory ?? loggerFactory };
            return ChainOfSpotEngine.LoadAsync(chosen.Model, engine, progress: null, _ending.Token);
        });
    }

    /// <summary>
    /// The engine, when it is loaded. It stays the provider's to dispose. Where loading fails, every call fails with that error.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; loading goes on.</param>
    /// <exception cref="OptionsValidationException">An option is not what it should be; the message names it.</exception>
    /// <exception cref="ObjectDisposedException">The application's services were disposed.</exception>
    public Task<ChainOfSpotEngine> GetAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _engine.Value.WaitAsync(cancellationToken);
    }

    /// <summary>Stops loading, or disposes the engine.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _ending.CancelAsync().ConfigureAwait(false);
        if (_engine.IsValueCreated)
        {
            Task<ChainOfSpotEngine> loading = _engine.Value;
            await ((Task)loading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (loading.IsCompletedSuccessfully)
                await loading.Result.DisposeAsync().ConfigureAwait(false);
        }
        _ending.Dispose();
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
