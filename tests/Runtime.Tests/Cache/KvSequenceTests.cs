using ChainOfSpot.Runtime.Cache;
using CsCheck;

namespace ChainOfSpot.Runtime.Tests.Cache;

/// <summary>Sequences that share pages, against a model in which every sequence is a list of its own.</summary>
public sealed class KvSequenceTests
{
    private const int Pages = 12;

    private enum Act
    {
        Open,
        Append,
        Fork,
        Truncate,
        Close,
    }

    [Fact]
    public void Sequences_hold_what_was_written_to_them_whoever_shares_their_pages() =>
        Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 1000], Gen.Int[0, 1000]).Array[1, 40].Sample(
            actions =>
            {
                using var cache = new StampedCache(Pages);
                var sequences = new List<(KvSequence Real, List<int> Model)>();
                int stamp = 0;
                foreach ((Act act, int which, int amount) in actions)
                {
                    if (act == Act.Open || sequences.Count == 0)
                    {
                        sequences.Add((new KvSequence(cache.Pages), []));
                        continue;
                    }
                    (KvSequence real, List<int> model) = sequences[which % sequences.Count];
                    switch (act)
                    {
                        case Act.Append:
                            int[] stamps = [.. Enumerable.Range(0, amount % 150).Select(_ => stamp++ % 50)];
                            if (TryUnlessFull(cache, real, () => cache.Append(real, stamps)))
                                model.AddRange(stamps);
                            break;
                        case Act.Fork:
                            int length = amount % (model.Count + 1);
                            KvSequence? fork = null;
                            if (TryUnlessFull(cache, real, () => fork = real.Fork(cache.Device, length)))
                                sequences.Add((fork!, model[..length]));
                            break;
                        case Act.Truncate:
                            int kept = amount % (model.Count + 1);
                            real.Truncate(kept);
                            model.RemoveRange(kept, model.Count - kept);
                            break;
                        default:
                            real.Dispose();
                            sequences.RemoveAt(which % sequences.Count);
                            break;
                    }
                    AssertCounts(cache, sequences);
                }
                foreach ((KvSequence real, List<int> model) in sequences)
                    cache.AssertHolds(model, real);
                foreach ((KvSequence real, _) in sequences)
                    real.Dispose();
                Assert.Equal(Pages, cache.Pages.Free);
            },
            iter: 400,
            threads: 1);

    [Fact]
    public void A_fork_shares_whole_pages_and_copies_the_last_partial_one()
    {
        using var cache = new StampedCache(Pages);
        using var first = new KvSequence(cache.Pages);
        cache.Append(first, Stamps(0, 150));
        using KvSequence fork = first.Fork(cache.Device);
        Assert.Equal(first.Pages.Take(2), fork.Pages.Take(2));
        Assert.NotEqual(first.Pages[2], fork.Pages[2]);
        Assert.Equal(Pages - 4, cache.Pages.Free);
        Assert.Equal(2, cache.Pages.Holders(first.Pages[0]));
        Assert.Equal(1, cache.Pages.Holders(first.Pages[2]));
        cache.Append(first, 7, 8);
        cache.Append(fork, 9);
        cache.AssertHolds([.. Stamps(0, 150), 7, 8], first);
        cache.AssertHolds([.. Stamps(0, 150), 9], fork);
    }

    [Fact]
    public void A_shared_page_is_copied_before_positions_are_added_to_it()
    {
        using var cache = new StampedCache(Pages);
        using var first = new KvSequence(cache.Pages);
        cache.Append(first, Stamps(0, 100));
        using KvSequence fork = first.Fork(cache.Device, 64);
        fork.Truncate(30);
        Assert.Equal(first.Pages[0], fork.Pages[0]);
        cache.Append(fork, 5, 6);
        Assert.NotEqual(first.Pages[0], fork.Pages[0]);
        cache.AssertHolds(Stamps(0, 100), first);
        cache.AssertHolds([.. Stamps(0, 30), 5, 6], fork);

        // The page is now the first one's alone: it is written where it lies.
        int page = first.Pages[0];
        first.Truncate(10);
        cache.Append(first, 3);
        Assert.Equal(page, first.Pages[0]);
        cache.AssertHolds([.. Stamps(0, 10), 3], first);
    }

    [Fact]
    public void A_page_is_free_once_its_last_holder_lets_go()
    {
        using var cache = new StampedCache(Pages);
        var first = new KvSequence(cache.Pages);
        cache.Append(first, Stamps(0, 64));
        KvSequence second = first.Fork(cache.Device);
        KvSequence third = second.Fork(cache.Device);
        Assert.Equal(Pages - 1, cache.Pages.Free);
        first.Dispose();
        third.Dispose();
        Assert.Equal(Pages - 1, cache.Pages.Free);
        cache.AssertHolds(Stamps(0, 64), second);
        second.Dispose();
        second.Dispose();
        Assert.Equal(Pages, cache.Pages.Free);
    }

    [Fact]
    public void A_full_cache_leaves_everything_as_it_was()
    {
        using var cache = new StampedCache(3);
        using var first = new KvSequence(cache.Pages);
        cache.Append(first, Stamps(0, 100));
        using KvSequence fork = first.Fork(cache.Device, 64);

        // One page is left: too few for 200 more positions.
        KvCacheFullException error = Assert.Throws<KvCacheFullException>(() => fork.Extend(cache.Device, 200));
        Assert.Contains("3 pages of 64 positions", error.Message, StringComparison.Ordinal);
        Assert.Equal((64, 1), (fork.Length, cache.Pages.Free));

        // Its last page goes; a fork in the middle of a page then has none for its copy, and a truncated one none to write to.
        cache.Append(fork, Stamps(0, 64));
        Assert.Throws<KvCacheFullException>(() => first.Fork(cache.Device, 70));
        fork.Truncate(20);
        Assert.Equal(1, cache.Pages.Free);
        using var other = new KvSequence(cache.Pages);
        cache.Append(other, 1);
        Assert.Throws<KvCacheFullException>(() => fork.Extend(cache.Device, 1));
        Assert.Equal(0, cache.Pages.Free);
        cache.AssertHolds(Stamps(0, 20), fork);
        cache.AssertHolds(Stamps(0, 100), first);
    }

    private static int[] Stamps(int first, int count) => [.. Enumerable.Range(first, count).Select(i => i % 50)];

    /// <summary>Runs an act; where it finds the cache full, nothing may have changed.</summary>
    private static bool TryUnlessFull(StampedCache cache, KvSequence sequence, Action act)
    {
        int free = cache.Pages.Free;
        int length = sequence.Length;
        int[] pages = [.. sequence.Pages];
        try
        {
            act();
            return true;
        }
        catch (KvCacheFullException)
        {
            Assert.Equal(free, cache.Pages.Free);
            Assert.Equal(length, sequence.Length);
            Assert.Equal(pages, sequence.Pages);
            return false;
        }
    }

    private static void AssertCounts(StampedCache cache, List<(KvSequence Real, List<int> Model)> sequences)
    {
        foreach ((KvSequence real, List<int> model) in sequences)
        {
            Assert.Equal(model.Count, real.Length);
            Assert.Equal((model.Count + cache.Pages.Positions - 1) / cache.Pages.Positions, real.Pages.Count);
        }
        List<int> held = [.. sequences.SelectMany(s => s.Real.Pages)];
        Assert.Equal(Pages - held.Distinct().Count(), cache.Pages.Free);
        Assert.All(held.Distinct(), page => Assert.Equal(held.Count(p => p == page), cache.Pages.Holders(page)));
    }
}
