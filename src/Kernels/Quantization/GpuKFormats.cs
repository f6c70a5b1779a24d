using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>Reads <see cref="BlockQ2_K"/>.</summary>
public readonly struct GpuQ2_K : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q2_K;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 16;

    /// <inheritdoc/>
    public static int LowBits => 2;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 20;

    /// <inheritdoc/>
    public static int StoredBytes => 84;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index < 16 ? index : 64 + index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.TwoBits(block, 16, index);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 8) * (header[part] & 15);
        offset = -(GpuCodes.Half(header, 9) * (header[part] >> 4));
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ3_K"/>.</summary>
public readonly struct GpuQ3_K : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q3_K;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 16;

    /// <inheritdoc/>
    public static int LowBits => 2;

    /// <inheritdoc/>
    public static int HighBits => 1;

    /// <inheritdoc/>
    public static int HeaderBytes => 14;

    /// <inheritdoc/>
    public static int StoredBytes => 110;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => 96 + index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.TwoBits(block, 32, index) | (((uint)block[index % 32] >> (index / 32) & 1) << 2);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        int low = (header[part % 8] >> (part / 8 * 4)) & 15;
        int high = (header[8 + (part % 4)] >> (part / 4 * 2)) & 3;
        scale = GpuCodes.Half(header, 6) * ((low | (high << 4)) - 32);
        offset = -4 * scale;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ4_K"/>.</summary>
public readonly struct GpuQ4_K : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q4_K;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 0;

    /// <inheritdoc/>
    public static int HeaderBytes => 16;

    /// <inheritdoc/>
    public static int StoredBytes => 144;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Nibble(block, 16, index);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        GpuCodes.SixBitScale(header, part / 2, out scale, out offset);
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ5_K"/>.</summary>
public readonly struct GpuQ5_K : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q5_K;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 32;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 1;

    /// <inheritdoc/>
    public static int HeaderBytes => 16;

    /// <inheritdoc/>
    public static int StoredBytes => 176;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        GpuCodes.Nibble(block, 48, index) | (((uint)block[16 + (index % 32)] >> (index / 32) & 1) << 4);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        GpuCodes.SixBitScale(header, part / 2, out scale, out offset);
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}

/// <summary>Reads <see cref="BlockQ6_K"/>.</summary>
public readonly struct GpuQ6_K : IGpuBlockFormat
{
    /// <inheritdoc/>
    public static ElementType Type => ElementType.Q6_K;

    /// <inheritdoc/>
    public static int BlockWeights => 256;

    /// <inheritdoc/>
    public static int ScaleWeights => 16;

    /// <inheritdoc/>
    public static int LowBits => 4;

    /// <inheritdoc/>
    public static int HighBits => 2;

    /// <inheritdoc/>
    public static int HeaderBytes => 18;

    /// <inheritdoc/>
    public static int StoredBytes => 210;

    /// <inheritdoc/>
    public static int StoredHeader(int index) => 192 + index;

    /// <inheritdoc/>
    public static uint StoredCode(ArrayView<byte> block, int index) =>
        (((uint)block[(index / 128 * 64) + (index % 64)] >> (index / 64 % 2 * 4)) & 15) | (GpuCodes.TwoBits(block, 128, index) << 4);

    /// <inheritdoc/>
    public static void Scale(ArrayView<byte> header, int part, out float scale, out float offset)
    {
        scale = GpuCodes.Half(header, 8) * (sbyte)header[part];
        offset = -32 * scale;
    }

    /// <inheritdoc/>
    public static float Level(uint code) => GpuCodes.Number(code);
}
