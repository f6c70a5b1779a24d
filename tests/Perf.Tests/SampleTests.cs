using ChainOfSpot.Measurement;

namespace ChainOfSpot.Perf.Tests;

public sealed class SampleTests
{
    [Fact]
    public void An_odd_number_of_times_has_a_middle() => Assert.Equal(new Sample(1, 2, 5, 3), Sample.Of([5, 1, 2]));

    [Fact]
    public void The_median_of_an_even_number_lies_between() => Assert.Equal(new Sample(1, 2.5, 9, 4), Sample.Of([9, 3, 2, 1]));

    [Fact]
    public void No_times_are_no_sample() => Assert.Throws<ArgumentException>(() => Sample.Of([]));
}
