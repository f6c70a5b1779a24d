using ChainOfSpot.Runtime.Threads;
using CsCheck;

namespace ChainOfSpot.Runtime.Tests.Threads;

public sealed class ShrinkingPartsTests
{
    [Fact]
    public void Parts_follow_each_other_through_the_range_and_never_grow()
    {
        Gen.Select(Gen.Int[0, 20_000], Gen.Int[1, 200], Gen.Int[1, 64]).Sample((length, unit, threads) =>
        {
            var parts = new ShrinkingParts(length, unit, threads);
            int end = 0;
            int longest = int.MaxValue;
            for (int i = 0; i < parts.Count; i++)
            {
                (int first, int last) = parts[i];
                Assert.Equal(end, first);
                Assert.InRange(last - first, 1, longest);
                Assert.True((last - first) % unit == 0 || last == length);
                (end, longest) = (last, last - first);
            }
            Assert.Equal(length, end);
        });
    }

    [Fact]
    public void The_first_is_half_of_a_threads_share_and_the_last_a_unit()
    {
        var parts = new ShrinkingParts(4096, 128, threads: 2);
        Assert.Equal((0, 1024), parts[0]);
        Assert.Equal((1024, 1792), parts[1]);
        Assert.Equal((3968, 4096), parts[parts.Count - 1]);
    }
}
