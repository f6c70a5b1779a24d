namespace ChainOfSpot.Kernels.Gpu;

/// <summary>Two 32-bit words.</summary>
public struct GpuUInt2
{
    /// <summary>The first.</summary>
    public uint X;

    /// <summary>The second.</summary>
    public uint Y;
}
