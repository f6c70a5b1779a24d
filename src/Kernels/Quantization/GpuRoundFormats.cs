using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>Reads <see cref="BlockQ4_0"/>.</summary>
public readonly struct GpuQ4_0 : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q4_0;

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
        offset = -8 * scale;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ4_1"/>.</summary>
public readonly struct GpuQ4_1 : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q4_1;

    /// <inheritdoc/>
    public static int BlockWeights => 32;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 4;

    /// <inheritdoc/>
    public static int StoredBytes => 20;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Code4(block, 4, index);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 0);
        offset = GpuCodes.Half(header, 1);
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ5_0"/>.</summary>
public readonly struct GpuQ5_0 : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q5_0;

    /// <inheritdoc/>
    public static int BlockWeights => 32;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 1;

    /// <inheritdoc/>
    public static int HeaderBytes => 2;

    /// <inheritdoc/>
    public static int StoredBytes => 22;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Code4(block, 6, index) | (GpuCodes.Bit(block, 2, index) << 4);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 0);
        offset = -16 * scale;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ5_1"/>.</summary>
public readonly struct GpuQ5_1 : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q5_1;

    /// <inheritdoc/>
    public static int BlockWeights => 32;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 1;

    /// <inheritdoc/>
    public static int HeaderBytes => 4;

    /// <inheritdoc/>
    public static int StoredBytes => 24;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Code4(block, 8, index) | (GpuCodes.Bit(block, 4, index) << 4);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 0);
        offset = GpuCodes.Half(header, 1);
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ8_0"/>.</summary>
public readonly struct GpuQ8_0 : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q8_0;

    /// <inheritdoc/>
    public static int BlockWeights => 32;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 8;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 2;

    /// <inheritdoc/>
    public static int StoredBytes => 34;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        (uint)(block[2 + index] ^ 128);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 0);
        offset = -128 * scale;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}
