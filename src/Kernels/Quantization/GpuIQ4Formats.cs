using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>Reads <see cref="BlockIQ4_NL"/>.</summary>
public readonly struct GpuIQ4_NL : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.IQ4_NL;

    /// <inheritdoc/>
    public static int BlockWeights => 32;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 2;

    /// <inheritdoc/>
    public static int StoredBytes => 18;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Code4(block, 2, index);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 0);
        offset = 0;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.IQ4Level(code);
}

/// <summary>Reads <see cref="BlockIQ4_XS"/>.</summary>
public readonly struct GpuIQ4_XS : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.IQ4_XS;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 8;

    /// <inheritdoc/>
    public static int StoredBytes => 136;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Code4(block, 8 + (index / 32 * 16), index % 32);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        int group = part / 2;
        int low = (header[4 + (group / 2)] >> (group % 2 * 4)) & 15;
        int high = (header.Cast<ushort>()[1] >> (2 * group)) & 3;
        scale = GpuCodes.Half(header, 0) * ((low | (high << 4)) - 32);
        offset = 0;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.IQ4Level(code);
}
