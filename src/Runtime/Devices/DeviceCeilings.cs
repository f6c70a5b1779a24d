namespace ChainOfSpot.Runtime.Devices;

/// <summary>What a device can do at most, measured.</summary>
/// <param name="MultiplyAddsPerSecond">fp32 operations a second of independent multiply-adds in registers, all threads; a multiply-add is two.</param>
/// <param name="ReadBytesPerSecond">Bytes a second of reading memory once, every thread in four streams side by side.</param>
public sealed record DeviceCeilings(double MultiplyAddsPerSecond, double ReadBytesPerSecond)
{
    /// <summary>Operations a second of int8 dot products in registers, all threads; 0 where the device assembles none.</summary>
    public double Int8OperationsPerSecond { get; init; }

    /// <summary>Operations a second of bf16 dot products in registers, all threads; 0 where the device assembles none.</summary>
    public double BFloat16OperationsPerSecond { get; init; }

    /// <summary>The intensity, in operations a byte, above which arithmetic and not memory is the limit.</summary>
    public double Ridge => MultiplyAddsPerSecond / ReadBytesPerSecond;

    /// <summary>
    /// The least seconds that a cost takes: the longer of computing and of moving (the roofline: Williams, Waterman and
    /// Patterson, Communications of the ACM 52(4), 2009). Where a peak of bf16 or int8 was not measured, that of fp32 stands in. What lies in a
    /// cache can be faster than memory allows.
    /// </summary>
    public double LeastSeconds(OperationCost cost) => Math.Max(
        ((cost.Operations - cost.BFloat16Operations - cost.Int8Operations) / MultiplyAddsPerSecond)
            + (cost.BFloat16Operations / Peak(BFloat16OperationsPerSecond))
            + (cost.Int8Operations / Peak(Int8OperationsPerSecond)),
        cost.Bytes / ReadBytesPerSecond);

    private double Peak(double measured) => measured > 0 ? measured : MultiplyAddsPerSecond;

    /// <summary>The higher of each.</summary>
    public static DeviceCeilings Highest(DeviceCeilings left, DeviceCeilings right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new(
            Math.Max(left.MultiplyAddsPerSecond, right.MultiplyAddsPerSecond), Math.Max(left.ReadBytesPerSecond, right.ReadBytesPerSecond))
        {
            Int8OperationsPerSecond = Math.Max(left.Int8OperationsPerSecond, right.Int8OperationsPerSecond),
            BFloat16OperationsPerSecond = Math.Max(left.BFloat16OperationsPerSecond, right.BFloat16OperationsPerSecond),
        };
    }
}
