namespace ChainOfSpot.Kernels.Gpu;

/// <summary>Four 32-bit words that are loaded and stored at once: 16 bytes, at an address that is a multiple of 16.</summary>
public struct GpuUInt4
{
    /// <summary>The first.</summary>
    public uint X;

    /// <summary>The second.</summary>
    public uint Y;

    /// <summary>The third.</summary>
    public uint Z;

    /// <summary>The fourth.</summary>
    public uint W;
}
