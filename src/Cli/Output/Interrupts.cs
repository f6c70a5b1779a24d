namespace ChainOfSpot.Cli.Output;

/// <summary>What Ctrl+C ends: the program, or for a while a part of it.</summary>
/// <param name="program">Ends the program in order.</param>
internal sealed class Interrupts(CancellationTokenSource program)
{
    private readonly Lock _lock = new();
    private CancellationTokenSource? _part;

    /// <summary>Until the result is disposed, an interrupt ends <paramref name="part"/> instead of the program.</summary>
    public IDisposable Redirect(CancellationTokenSource part)
    {
        lock (_lock)
            _part = part;
        return new Redirection(this);
    }

    /// <summary>Takes an interrupt: a second one ends the program where the part has not ended by then.</summary>
    /// <returns>False where the program was to have ended already: the process should be ended now.</returns>
    public bool Raise()
    {
        CancellationTokenSource ended;
        lock (_lock)
        {
            ended = _part is { IsCancellationRequested: false } part ? part : program;
            if (ended.IsCancellationRequested)
                return false;
            // Under the lock, so that the part is not disposed meanwhile; what awaits it goes on on other threads.
            ended.Cancel();
        }
        return true;
    }

    private sealed class Redirection(Interrupts interrupts) : IDisposable
    {
        public void Dispose()
        {
            lock (interrupts._lock)
                interrupts._part = null;
        }
    }
}
