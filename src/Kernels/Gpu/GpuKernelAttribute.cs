namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// Marks the GPU form of an operation: a static method that ILGPU compiles, with one structure of operands, run by groups of
/// <see cref="Threads"/> threads in one dimension. docs/gpu.md says how such a method is written.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GpuKernelAttribute(int threads) : Attribute
{
    /// <summary>Threads of a group; the kernel may rely on exactly so many.</summary>
    public int Threads { get; } = threads;

    /// <summary>Groups that a multiprocessor should hold at once, which bounds a thread's registers; 0 for no wish.</summary>
    public int GroupsPerMultiprocessor { get; init; }
}

/// <summary>What a device must have for the portable kernels.</summary>
public static class GpuLimits
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = 256;

    /// <summary>Bytes of shared memory of a group.</summary>
    public const int SharedBytes = 32 << 10;
}
