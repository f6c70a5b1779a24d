namespace ChainOfSpot.Runtime.Devices;

/// <summary>What a device can do at most, measured.</summary>
/// <param name="MultiplyAddsPerSecond">fp32 operations a second of independent multiply-adds in registers, all threads; a multiply-add is two.</param>
/// <param name="ReadBytesPerSecond">Bytes a second of reading memory once and in order, all threads.</param>
public sealed record DeviceCeilings(double MultiplyAddsPerSecond, double ReadBytesPerSecond)
{
    /// <summary>The intensity, in operations a byte, above which arithmetic and not memory is the limit.</summary>
    public double Ridge => MultiplyAddsPerSecond / ReadBytesPerSecond;

    /// <summary>
    /// The least seconds that a cost takes: the longer of computing and of moving (the roofline: Williams, Waterman and
    /// Patterson, Communications of the ACM 52(4), 2009). What lies in a cache can be faster than memory allows.
    /// </summary>
    public double LeastSeconds(OperationCost cost) =>
        Math.Max(cost.Operations / MultiplyAddsPerSecond, cost.Bytes / ReadBytesPerSecond);

    /// <summary>The higher of each.</summary>
    public static DeviceCeilings Highest(DeviceCeilings left, DeviceCeilings right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new(
            Math.Max(left.MultiplyAddsPerSecond, right.MultiplyAddsPerSecond), Math.Max(left.ReadBytesPerSecond, right.ReadBytesPerSecond));
    }
}
