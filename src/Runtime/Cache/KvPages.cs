using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Cache;

/// <summary>
/// Hands out the pages of a <see cref="KvPool"/> and counts who shares them. Thread-safe; the device work of a copy is the
/// caller's.
/// </summary>
public sealed class KvPages
{
    private readonly Lock _lock = new();
    private readonly int[] _references;
    private readonly int[] _free;
    private int _freeCount;

    /// <summary>All pages of <paramref name="pool"/> are free; a page has <paramref name="positions"/> positions.</summary>
    public KvPages(KvPool pool, int positions)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Pool = pool;
        Positions = positions;
        _references = new int[pool.Pages];
        _free = new int[pool.Pages];
        _freeCount = pool.Pages;
        for (int i = 0; i < _free.Length; i++)
            _free[i] = _free.Length - 1 - i;
    }

    /// <summary>The pages' memory.</summary>
    public KvPool Pool { get; }

    /// <summary>Positions in a page.</summary>
    public int Positions { get; }

    /// <summary>
    /// Called where a page is wanted and none is free, outside of any lock: gives pages up that nobody needs and says whether one
    /// is free then. Null where there are none such.
    /// </summary>
    public Func<bool>? Reclaim { get; set; }

    /// <summary>Pages that nobody holds.</summary>
    public int Free
    {
        get
        {
            lock (_lock)
                return _freeCount;
        }
    }

    /// <summary>Takes a page for one holder.</summary>
    /// <exception cref="KvCacheFullException">All pages are held, and none can be reclaimed.</exception>
    public int Take()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_freeCount > 0)
                {
                    int page = _free[--_freeCount];
                    _references[page] = 1;
                    return page;
                }
            }
            if (Reclaim is null || !Reclaim())
                throw new KvCacheFullException(Pool.Pages, Positions);
        }
    }

    /// <summary>One more holder of a page.</summary>
    public void Share(int page)
    {
        lock (_lock)
            _references[page]++;
    }

    /// <summary>One holder fewer; the last one frees the page.</summary>
    public void Release(int page)
    {
        lock (_lock)
        {
            if (--_references[page] == 0)
                _free[_freeCount++] = page;
        }
    }

    /// <summary>How many hold the page.</summary>
    public int Holders(int page)
    {
        lock (_lock)
            return _references[page];
    }
}

/// <summary>Every page of the key-value cache is in use.</summary>
public sealed class KvCacheFullException(int pages, int positions)
    : Exception($"The key-value cache is full: all of its {pages} pages of {positions} positions are in use. Ask fewer questions at once or give the engine more cache.");
