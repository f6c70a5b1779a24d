using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Cache;

/// <summary>
/// The cached positions of one sequence: a list of pages, some of them shared with the sequences that it was forked from or
/// into. A page is written by one holder only: before positions are added to a page that is shared, it is copied.
/// Used by one thread at a time.
/// </summary>
public sealed class KvSequence : IDisposable
{
    /// <summary>Pages of the usual contexts, of 4,096 positions: the list does not grow while tokens are decoded.</summary>
    private const int UsualPages = 64;

    private readonly KvPages _pages;
    private readonly List<int> _held = new(UsualPages);

    /// <summary>An empty sequence.</summary>
    public KvSequence(KvPages pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        _pages = pages;
    }

    /// <summary>Cached positions.</summary>
    public int Length { get; private set; }

    /// <summary>The pages, in the order of their positions.</summary>
    public IReadOnlyList<int> Pages => _held;

    /// <summary>A sequence with the same positions; see <see cref="Fork(Device, int)"/>.</summary>
    public KvSequence Fork(Device device) => Fork(device, Length);

    /// <summary>
    /// A sequence with the first <paramref name="length"/> positions: whole pages are shared, a last partial page is copied on
    /// <paramref name="device"/>.
    /// </summary>
    /// <exception cref="KvCacheFullException">No page is left for the copy; nothing is held.</exception>
    public KvSequence Fork(Device device, int length)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        var fork = new KvSequence(_pages);
        int whole = length / _pages.Positions;
        int rest = length % _pages.Positions;
        int copy = rest > 0 ? _pages.Take() : -1;
        for (int i = 0; i < whole; i++)
        {
            _pages.Share(_held[i]);
            fork._held.Add(_held[i]);
        }
        if (rest > 0)
        {
            device.CopyPage(_pages.Pool, _held[whole], copy, rest);
            fork._held.Add(copy);
        }
        fork.Length = length;
        return fork;
    }

    /// <summary>Makes room for <paramref name="count"/> more positions; they are then written by the device in this step.</summary>
    /// <exception cref="KvCacheFullException">Too few pages are left; the sequence is as before.</exception>
    public void Extend(Device device, int count)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int before = _held.Count;
        int pages = (Length + count + _pages.Positions - 1) / _pages.Positions;
        try
        {
            while (_held.Count < pages)
                _held.Add(_pages.Take());
            int partial = Length % _pages.Positions == 0 ? -1 : Length / _pages.Positions;
            if (count > 0 && partial >= 0 && _pages.Holders(_held[partial]) > 1)
            {
                int copy = _pages.Take();
                device.CopyPage(_pages.Pool, _held[partial], copy, Length % _pages.Positions);
                _pages.Release(_held[partial]);
                _held[partial] = copy;
            }
        }
        catch (KvCacheFullException)
        {
            ReleaseFrom(before);
            throw;
        }
        Length += count;
    }

    /// <summary>Goes on as a fork of this sequence, which is empty then: its own pages are given back.</summary>
    public void TakeOver(KvSequence fork)
    {
        ArgumentNullException.ThrowIfNull(fork);
        Truncate(0);
        _held.AddRange(fork._held);
        Length = fork.Length;
        fork._held.Clear();
        fork.Length = 0;
    }

    /// <summary>Forgets all positions from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
        ReleaseFrom((length + _pages.Positions - 1) / _pages.Positions);
    }

    /// <summary>Gives all pages back.</summary>
    public void Dispose() => Truncate(0);

    private void ReleaseFrom(int page)
    {
        for (int i = _held.Count - 1; i >= page; i--)
            _pages.Release(_held[i]);
        _held.RemoveRange(page, _held.Count - page);
    }
}
