using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// Shares the key-value cache out among questions, and keeps in what is left what may be wanted again. A question is let in when
/// all pages that it may come to need are free or can be made free by giving up what is only kept; until then it waits, first
/// come first served. A question whose picture is just being fed by another one waits for that, so that a picture is fed once.
/// Thread-safe; <see cref="AdmitWaiting"/> is the step loop's to call.
/// </summary>
internal sealed class PromptCache
{
    private readonly Lock _lock = new();
    private readonly KvPages _pages;
    private readonly PrefixIndex _index;
    private readonly List<CacheLease> _open = [];
    private readonly LinkedList<CacheLease> _waiting = new();
    private volatile bool _changed;

    /// <param name="pages">The pages of the key-value cache.</param>
    /// <param name="budget">The most bytes that are kept for questions to come.</param>
    public PromptCache(KvPages pages, long budget)
    {
        _pages = pages;
        _index = new PrefixIndex(pages, budget);
        pages.Reclaim = () =>
        {
            lock (_lock)
                return _index.FreePage();
        };
    }

    /// <summary>Wakes the step loop, so that it lets in who can be.</summary>
    public Action? Changed { get; set; }

    /// <summary>Pages that no open question holds: what is only kept is given up for one that needs them.</summary>
    public int FreePages
    {
        get
        {
            lock (_lock)
                return _pages.Free + _index.ReclaimablePages;
        }
    }

    /// <summary>Questions that were let in and are not answered yet.</summary>
    public int OpenQuestions
    {
        get
        {
            lock (_lock)
                return _open.Count;
        }
    }

    /// <summary>Questions that wait to be let in.</summary>
    public int WaitingQuestions
    {
        get
        {
            lock (_lock)
                return _waiting.Count;
        }
    }

    /// <summary>Bytes of all that is kept.</summary>
    public long KeptBytes
    {
        get
        {
            lock (_lock)
                return _index.Bytes;
        }
    }

    /// <summary>Waits for a place for a question.</summary>
    /// <param name="steps">The loop that lets it in.</param>
    /// <param name="prompt">The prompt that is asked first.</param>
    /// <param name="mostPositions">The most positions that its sequence comes to have.</param>
    /// <param name="reuses">Whether it goes on from what is kept.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<CacheLease> OpenAsync(
        StepLoop steps, PromptKey prompt, int mostPositions, bool reuses, CancellationToken cancellation)
    {
        // One that needs more than there is may get by with less: it is let in alone, and then all of it is its own.
        int mostPages = Math.Min((mostPositions + _pages.Positions - 1) / _pages.Positions, _pages.Pool.Pages);
        var lease = new CacheLease(this, prompt, mostPages, reuses && _index.IsEnabled);
        await steps.RunAsync(() => Queue(lease), cancellation).ConfigureAwait(false);
        await using (cancellation.Register(() => GiveUp(lease, cancellation)).ConfigureAwait(false))
            await lease.Admission.ConfigureAwait(false);
        return lease;
    }

    /// <summary>Lets in who waits and can be let in. Runs in the step loop, between steps.</summary>
    public void AdmitWaiting(Device device)
    {
        if (!_changed)
            return;
        _changed = false;
        lock (_lock)
        {
            LinkedListNode<CacheLease>? next;
            for (LinkedListNode<CacheLease>? node = _waiting.First; node is not null; node = next)
            {
                next = node.Next;
                CacheLease lease = node.Value;
                if (!lease.Admission.IsCompleted)
                {
                    if (WaitsForPicture(lease))
                        continue;
                    if (!TryAdmit(device, lease))
                        break;
                }
                _waiting.Remove(node);
            }
        }
    }

    /// <summary>Fails all who wait: the loop has ended.</summary>
    public void FailWaiting(Exception error)
    {
        lock (_lock)
        {
            foreach (CacheLease lease in _waiting)
                lease.Fail(error);
            _waiting.Clear();
        }
    }

    /// <summary>Keeps the picture at the beginning of a question's prompt, now that it is fed. Runs in the step loop.</summary>
    public void KeepPicture(Device device, CacheLease lease)
    {
        lock (_lock)
        {
            lease.FillsPicture = false;
            int positions = lease.Prompt.PicturePositions;
            try
            {
                _index.Add(lease.Prompt.First(positions), lease.Sequence.Fork(device, positions));
            }
            catch (KvCacheFullException)
            {
                // The question has what it needs; the next one feeds the picture anew.
            }
        }
        Change();
    }

    /// <summary>Ends a question's hold on the cache; a second call does nothing.</summary>
    public void Close(CacheLease lease, PromptKey? said)
    {
        lock (_lock)
        {
            if (!_open.Remove(lease))
                return;
            if (said is not null && lease.Reuses)
                _index.Add(said.First(lease.Sequence.Length), lease.Sequence);
            else
                lease.Sequence.Dispose();
        }
        Change();
    }

    /// <inheritdoc cref="PrefixIndex.FindRegion"/>
    public Shared<EncodedRegion>? FindRegion(ImageKey key)
    {
        lock (_lock)
            return _index.FindRegion(key);
    }

    /// <inheritdoc cref="PrefixIndex.FindPicture"/>
    public Shared<Tensor>? FindPicture(PixelHash key)
    {
        lock (_lock)
            return _index.FindPicture(key);
    }

    /// <inheritdoc cref="PrefixIndex.Add(ImageKey, Shared{EncodedRegion})"/>
    public void Keep(ImageKey key, Shared<EncodedRegion> region)
    {
        lock (_lock)
            _index.Add(key, region);
    }

    /// <inheritdoc cref="PrefixIndex.Add(PixelHash, Shared{Tensor})"/>
    public void Keep(PixelHash key, Shared<Tensor> picture)
    {
        lock (_lock)
            _index.Add(key, picture);
    }

    /// <summary>Gives up all that is kept.</summary>
    public void Clear()
    {
        lock (_lock)
            _index.Clear();
    }

    private bool Queue(CacheLease lease)
    {
        lock (_lock)
            _waiting.AddLast(lease);
        _changed = true;
        return true;
    }

    private void GiveUp(CacheLease lease, CancellationToken cancellation)
    {
        lease.Cancel(cancellation);
        Change();
    }

    private bool WaitsForPicture(CacheLease lease)
    {
        int positions = lease.Prompt.PicturePositions;
        return lease.Reuses
            && _open.Exists(other => other.FillsPicture && other.Prompt.CommonPositions(lease.Prompt) >= positions)
            && _index.Longest(lease.Prompt) < positions;
    }

    private bool TryAdmit(Device device, CacheLease lease)
    {
        try
        {
            lease.Sequence = lease.Reuses ? _index.Fork(device, lease.Prompt) : new KvSequence(_pages);
        }
        catch (KvCacheFullException)
        {
            return false;
        }
        _open.Add(lease);
        int promised = _open.Sum(open => Math.Max(0, open.MostPages - open.Sequence.Pages.Count));
        bool fits = _open.Count == 1 || promised <= _pages.Free + _index.ReclaimablePages;
        lease.FillsPicture = lease.Reuses && lease.Sequence.Length < lease.Prompt.PicturePositions;
        if (fits && lease.TryAdmit())
            return true;
        bool gaveUp = fits;
        _open.Remove(lease);
        lease.Sequence.Dispose();
        return gaveUp;
    }

    private void Change()
    {
        _changed = true;
        Changed?.Invoke();
    }
}
