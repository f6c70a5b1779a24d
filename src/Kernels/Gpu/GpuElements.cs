using ILGPU;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// How a GPU kernel reads one weight of a row stored as some <see cref="ElementType"/>. Without 16-bit arithmetic, which
/// OpenCL devices need not have: bits are converted.
/// </summary>
public interface IGpuElement
{
    /// <summary>How the row is stored.</summary>
    static abstract ElementType Type { get; }

    /// <summary>Weight <paramref name="column"/> of a row that begins with the first byte of <paramref name="row"/>.</summary>
    static abstract float Read(ArrayView<byte> row, int column);
}

/// <summary>Reads <see cref="ElementType.F32"/>.</summary>
public readonly struct GpuF32 : IGpuElement
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.F32;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => row.Cast<float>()[column];
}

/// <summary>Reads <see cref="ElementType.F16"/>.</summary>
public readonly struct GpuF16 : IGpuElement
{
    // 2^-24, the smallest subnormal half.
    private const float SmallestHalf = 1f / (1 << 24);

    /// <inheritdoc/>
    public static ElementType Type => ElementType.F16;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => Widen(row.Cast<ushort>()[column]);

    /// <summary>The fp32 value of a half's bits, infinities and NaN included.</summary>
    public static float Widen(uint bits)
    {
        uint magnitude = bits & 0x7FFF;
        // Exponents move from a bias of 15 to one of 127, those of infinity and NaN a second time.
        uint rebased = (magnitude << 13) + (magnitude >= 0x7C00 ? 224u << 23 : 112u << 23);
        float value = magnitude < 0x400 ? magnitude * SmallestHalf : Interop.IntAsFloat(rebased);
        return Interop.IntAsFloat(Interop.FloatAsInt(value) | ((bits & 0x8000) << 16));
    }
}

/// <summary>Reads <see cref="ElementType.BF16"/>.</summary>
public readonly struct GpuBF16 : IGpuElement
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.BF16;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => Interop.IntAsFloat((uint)row.Cast<ushort>()[column] << 16);
}
