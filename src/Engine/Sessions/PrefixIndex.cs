using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>
/// What was computed of pictures and prompts and may be wanted again: pixels on the device by <see cref="PixelHash"/>, features
/// by <see cref="ImageKey"/>, keys and values by <see cref="PromptKey"/>. All three count against one budget; the least recently
/// used goes first. Used under a lock of its owner.
/// </summary>
/// <param name="pages">The pages of the key-value cache.</param>
/// <param name="budget">The most bytes that it keeps; 0 to keep nothing.</param>
internal sealed class PrefixIndex(KvPages pages, long budget)
{
    private readonly long _pageBytes = pages.Pool.ByteLength / pages.Pool.Pages;

    /// <summary>The least recently used first.</summary>
    private readonly LinkedList<Item> _items = new();

    /// <summary>How many of the sequences here have a page.</summary>
    private readonly int[] _holders = new int[pages.Pool.Pages];

    /// <summary>Pages that a sequence here has.</summary>
    private int _heldPages;
    private long _tensorBytes;

    /// <summary>Whether anything is ever kept.</summary>
    public bool IsEnabled => budget > 0;

    /// <summary>Bytes of all that is kept; a page that several sequences share counts once.</summary>
    public long Bytes => _tensorBytes + (_heldPages * _pageBytes);

    /// <summary>Pages that would be free if nothing were kept.</summary>
    public int ReclaimablePages
    {
        get
        {
            int count = 0;
            for (int page = 0; page < _holders.Length; page++)
            {
                if (IsReclaimable(page))
                    count++;
            }
            return count;
        }
    }

    /// <summary>Positions of the longest beginning of a prompt that is kept.</summary>
    public int Longest(PromptKey prompt) => Find(prompt, out int positions) is null ? 0 : positions;

    /// <summary>A sequence that goes on behind the longest beginning of a prompt that is kept; at least one row is left to feed.</summary>
    /// <exception cref="KvCacheFullException">No page is left for the copy of a last partial one.</exception>
    public KvSequence Fork(Device device, PromptKey prompt)
    {
        LinkedListNode<Item>? found = Find(prompt, out int positions);
        positions = Math.Min(positions, prompt.Positions - 1);
        if (found is null || positions <= 0)
            return new KvSequence(pages);
        // While it is not in the list it cannot be given up for the page that the fork may need.
        _items.Remove(found);
        try
        {
            return ((SequenceItem)found.Value).Sequence.Fork(device, positions);
        }
        finally
        {
            _items.AddLast(found);
        }
    }

    /// <summary>Keeps a sequence, which is this index' to dispose from here on, unless what it holds is kept already.</summary>
    public void Add(PromptKey key, KvSequence sequence)
    {
        if (!IsEnabled || sequence.Pages.Count * _pageBytes > budget || Longest(key) >= key.Positions)
        {
            sequence.Dispose();
            return;
        }
        foreach (int page in sequence.Pages)
        {
            if (_holders[page]++ == 0)
                _heldPages++;
        }
        _items.AddLast(new SequenceItem(key, sequence));
        Trim();
    }

    /// <summary>The features of a region of a picture, held for the caller too; null where they are not kept.</summary>
    public Shared<EncodedRegion>? FindRegion(ImageKey key) => Find<ImageKey, EncodedRegion>(key);

    /// <summary>Keeps the features of a region.</summary>
    public void Add(ImageKey key, Shared<EncodedRegion> region) => Add(key, region, region.Value.ByteLength);

    /// <summary>A picture in device memory, held for the caller too; null where it is not kept.</summary>
    public Shared<Tensor>? FindPicture(PixelHash key) => Find<PixelHash, Tensor>(key);

    /// <summary>Keeps a picture in device memory.</summary>
    public void Add(PixelHash key, Shared<Tensor> picture) => Add(key, picture, picture.Value.ByteLength);

    /// <summary>
    /// Gives up the least recently used sequences until a page is free; those whose pages all are in use would free none and stay.
    /// </summary>
    /// <returns>Whether one is.</returns>
    public bool FreePage()
    {
        while (pages.Free == 0)
        {
            LinkedListNode<Item>? oldest = _items.First;
            while (oldest is not null && !(oldest.Value is SequenceItem { Sequence: { } sequence } && sequence.Pages.Any(IsReclaimable)))
                oldest = oldest.Next;
            if (oldest is null)
                return false;
            Remove(oldest);
        }
        return true;
    }

    /// <summary>Gives up everything.</summary>
    public void Clear()
    {
        while (_items.First is { } first)
            Remove(first);
    }

    /// <summary>Whether nobody but sequences here has a page.</summary>
    private bool IsReclaimable(int page) => _holders[page] > 0 && pages.Holders(page) == _holders[page];

    private LinkedListNode<Item>? Find(PromptKey prompt, out int positions)
    {
        LinkedListNode<Item>? longest = null;
        positions = 0;
        for (LinkedListNode<Item>? node = _items.Last; node is not null; node = node.Previous)
        {
            if (node.Value is not SequenceItem item)
                continue;
            int common = item.Key.CommonPositions(prompt);
            if (common > positions)
                (longest, positions) = (node, common);
        }
        return longest;
    }

    private Shared<T>? Find<TKey, T>(TKey key)
        where TKey : notnull
        where T : IDisposable
    {
        for (LinkedListNode<Item>? node = _items.Last; node is not null; node = node.Previous)
        {
            if (node.Value is not TensorItem<TKey, T> item || !item.Key.Equals(key))
                continue;
            _items.Remove(node);
            _items.AddLast(node);
            return item.Value.Share();
        }
        return null;
    }

    private void Add<TKey, T>(TKey key, Shared<T> value, long bytes)
        where T : IDisposable
    {
        if (bytes > budget)
            return;
        _tensorBytes += bytes;
        _items.AddLast(new TensorItem<TKey, T>(key, value.Share(), bytes));
        Trim();
    }

    private void Trim()
    {
        while (Bytes > budget)
            Remove(_items.First!);
    }

    private void Remove(LinkedListNode<Item> node)
    {
        _items.Remove(node);
        if (node.Value is SequenceItem { Sequence: { } sequence })
        {
            foreach (int page in sequence.Pages)
            {
                if (--_holders[page] == 0)
                    _heldPages--;
            }
        }
        _tensorBytes -= node.Value.TensorBytes;
        node.Value.Dispose();
    }

    private abstract class Item : IDisposable
    {
        public virtual long TensorBytes => 0;

        public abstract void Dispose();
    }

    private sealed class SequenceItem(PromptKey key, KvSequence sequence) : Item
    {
        public PromptKey Key { get; } = key;

        public KvSequence Sequence { get; } = sequence;

        public override void Dispose() => Sequence.Dispose();
    }

    private sealed class TensorItem<TKey, T>(TKey key, Shared<T> value, long bytes) : Item
        where T : IDisposable
    {
        public TKey Key { get; } = key;

        public Shared<T> Value { get; } = value;

        public override long TensorBytes { get; } = bytes;

        public override void Dispose() => Value.Dispose();
    }
}
