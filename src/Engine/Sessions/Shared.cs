namespace ChainOfSpot.Sessions;

/// <summary>A value that several hold, each for as long as it needs it: the last one that lets go disposes it.</summary>
/// <param name="value">The value; the maker is its first holder.</param>
internal sealed class Shared<T>(T value) : IDisposable
    where T : IDisposable
{
    private int _holders = 1;

    public T Value => value;

    /// <summary>One more holder. Only a holder may let others hold.</summary>
    public Shared<T> Share()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>One holder fewer.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            value.Dispose();
    }
}
