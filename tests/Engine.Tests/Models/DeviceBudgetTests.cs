using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Engine.Tests.Models;

public sealed class DeviceBudgetTests
{
    // 13 GB of weights, 4 GB of cache, 1 GB of activations.
    private static readonly DeviceBudget Budget = new(13_000_000_000, 4_000_000_000, 8000, 1_000_000_000);

    [Fact]
    public void What_fits_or_is_not_known_is_let_through()
    {
        Budget.Check("cuda", 18_000_000_000);
        Budget.Check("ilgpu cpu accelerator", null);
    }

    [Theory]
    [InlineData(16_000_000_000, "a cache of 4000 positions would fit")]
    [InlineData(9_000_000_000, "beside a cache of 8000 positions, weights of 4.00 GB would fit")]
    [InlineData(0, "beside a cache of 8000 positions, weights of 0.00 GB would fit")]
    public void What_does_not_fit_is_refused_with_what_was_needed_and_what_would_fit(long free, string remedy)
    {
        DeviceMemoryException refused = Assert.Throws<DeviceMemoryException>(() => Budget.Check("cuda (some card)", free));
        Assert.Equal(18_000_000_000, refused.Bytes);
        Assert.StartsWith("cuda (some card): 18.00 GB are needed (13.00 GB weights, 4.00 GB cache of 8000 positions, 1.00 GB activations)", refused.Message);
        Assert.Contains(remedy, refused.Message);
    }
}
