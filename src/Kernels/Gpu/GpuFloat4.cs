namespace ChainOfSpot.Kernels.Gpu;

/// <summary>Four floats that are loaded and stored at once: 16 bytes, at an address that is a multiple of 16.</summary>
public struct GpuFloat4
{
    /// <summary>The first.</summary>
    public float X;

    /// <summary>The second.</summary>
    public float Y;

    /// <summary>The third.</summary>
    public float Z;

    /// <summary>The fourth.</summary>
    public float W;

    /// <summary>sums[first + stride i + j] += a[i] b[j]: the step of a product of matrices on a 4 x 4 tile of registers.</summary>
    public static void AddOuter(float[] sums, int first, int stride, GpuFloat4 a, GpuFloat4 b)
    {
        AddScaled(sums, first, a.X, b);
        AddScaled(sums, first + stride, a.Y, b);
        AddScaled(sums, first + (2 * stride), a.Z, b);
        AddScaled(sums, first + (3 * stride), a.W, b);
    }

    private static void AddScaled(float[] sums, int first, float a, GpuFloat4 b)
    {
        sums[first] += a * b.X;
        sums[first + 1] += a * b.Y;
        sums[first + 2] += a * b.Z;
        sums[first + 3] += a * b.W;
    }
}
