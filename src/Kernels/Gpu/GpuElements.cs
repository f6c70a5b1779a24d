using ILGPU;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// How a GPU kernel reads the weights of a row stored as some <see cref="ElementType"/>. Without 16-bit arithmetic, which
/// OpenCL devices need not have: bits are converted. In a GPU's memory rows begin at multiples of 16 bytes, plain types are
/// filled up with zeros to a multiple of <see cref="GroupWeights"/>, and blocks are laid out as
/// <see cref="Quantization.GpuBlocks{TFormat}"/> says.
/// </summary>
public interface IGpuElement
{
    /// <summary>Weights that <see cref="ReadGroup"/> reads at once.</summary>
    const int GroupWeights = 32;

    /// <summary>How the row is stored.</summary>
    static abstract ElementType Type { get; }

    /// <summary>Weight <paramref name="column"/> of a row, which is the whole of <paramref name="row"/>.</summary>
    static abstract float Read(ArrayView<byte> row, int column);

    /// <summary>The <see cref="GroupWeights"/> weights of a group of a row, by loads of 16 bytes where the type allows.</summary>
    /// <param name="row">
    /// The row begins here. In whole 16 bytes from the kernel's argument on: else the compiler does not know that it is aligned.
    /// </param>
    /// <param name="groups">Groups of the row.</param>
    /// <param name="group">Which of them.</param>
    /// <param name="weights">Where they go.</param>
    static abstract void ReadGroup(ArrayView<GpuUInt4> row, int groups, int group, float[] weights);
}

/// <summary>Reads <see cref="ElementType.F32"/>.</summary>
public readonly struct GpuF32 : IGpuElement
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.F32;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => row.Cast<float>()[column];

    /// <inheritdoc/>
    public static void ReadGroup(ArrayView<GpuUInt4> row, int groups, int group, float[] weights)
    {
        ArrayView<GpuFloat4> fours = row.Cast<GpuFloat4>();
        for (int i = 0; i < 8; i++)
        {
            GpuFloat4 four = fours[(8 * group) + i];
            weights[4 * i] = four.X;
            weights[(4 * i) + 1] = four.Y;
            weights[(4 * i) + 2] = four.Z;
            weights[(4 * i) + 3] = four.W;
        }
    }
}

/// <summary>Reads <see cref="ElementType.F16"/>.</summary>
public readonly struct GpuF16 : IGpuElement
{
    // 2^-14, the smallest normal half.
    private const float SmallestNormal = 1f / (1 << 14);

    /// <inheritdoc/>
    public static ElementType Type => ElementType.F16;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => Widen(row.Cast<ushort>()[column]);

    /// <inheritdoc/>
    public static void ReadGroup(ArrayView<GpuUInt4> row, int groups, int group, float[] weights)
    {
        // No loop: the assembler unrolls short ones only, and an array indexed by constants alone stays in registers.
        WidenEight(row[4 * group], weights, 0);
        WidenEight(row[(4 * group) + 1], weights, 8);
        WidenEight(row[(4 * group) + 2], weights, 16);
        WidenEight(row[(4 * group) + 3], weights, 24);
    }

    /// <summary>The fp32 value of a half's bits, infinities and NaN included.</summary>
    public static float Widen(uint bits)
    {
        uint magnitude = bits & 0x7FFF;
        // Exponents move from a bias of 15 to one of 127, those of infinity and NaN a second time.
        uint rebased = (magnitude << 13) + (magnitude >= 0x7C00 ? 224u << 23 : 112u << 23);
        // A subnormal one is put on top of the smallest normal number, which is taken away again.
        float subnormal = Interop.IntAsFloat((magnitude << 13) + (113u << 23)) - SmallestNormal;
        float value = magnitude < 0x400 ? subnormal : Interop.IntAsFloat(rebased);
        return Interop.IntAsFloat(Interop.FloatAsInt(value) | ((bits & 0x8000) << 16));
    }

    private static void WidenEight(GpuUInt4 eight, float[] weights, int first)
    {
        WidenPair(eight.X, weights, first);
        WidenPair(eight.Y, weights, first + 2);
        WidenPair(eight.Z, weights, first + 4);
        WidenPair(eight.W, weights, first + 6);
    }

    private static void WidenPair(uint pair, float[] weights, int first)
    {
        weights[first] = Widen(pair & 0xFFFF);
        weights[first + 1] = Widen(pair >> 16);
    }
}

/// <summary>Reads <see cref="ElementType.BF16"/>.</summary>
public readonly struct GpuBF16 : IGpuElement
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.BF16;

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> row, int column) => Interop.IntAsFloat((uint)row.Cast<ushort>()[column] << 16);

    /// <inheritdoc/>
    public static void ReadGroup(ArrayView<GpuUInt4> row, int groups, int group, float[] weights)
    {
        // No loop: the assembler unrolls short ones only, and an array indexed by constants alone stays in registers.
        WidenEight(row[4 * group], weights, 0);
        WidenEight(row[(4 * group) + 1], weights, 8);
        WidenEight(row[(4 * group) + 2], weights, 16);
        WidenEight(row[(4 * group) + 3], weights, 24);
    }

    private static void WidenEight(GpuUInt4 eight, float[] weights, int first)
    {
        WidenPair(eight.X, weights, first);
        WidenPair(eight.Y, weights, first + 2);
        WidenPair(eight.Z, weights, first + 4);
        WidenPair(eight.W, weights, first + 6);
    }

    private static void WidenPair(uint pair, float[] weights, int first)
    {
        weights[first] = Interop.IntAsFloat(pair << 16);
        weights[first + 1] = Interop.IntAsFloat(pair & 0xFFFF0000);
    }
}
