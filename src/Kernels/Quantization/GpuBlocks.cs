using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>What a GPU kernel has to know of a block format: w[i] = scale level(q[i]) + offset, scale and offset of a group.</summary>
public interface IGpuBlockFormat
{
    /// <summary>Its name elsewhere.</summary>
    static abstract ElementType Type { get; }

    /// <summary>Weights of a block: 32 or 256.</summary>
    static abstract int BlockWeights { get; }

    /// <summary>Weights that share scale and offset: 16 or 32.</summary>
    static abstract int ScaleWeights { get; }

    /// <summary>Bits of q in the first plane: 2, 4 or 8.</summary>
    static abstract int LowBits { get; }

    /// <summary>Bits of q in the second plane: 0, 1 or 2.</summary>
    static abstract int HighBits { get; }

    /// <summary>Bytes of a block that hold scales and offsets.</summary>
    static abstract int HeaderBytes { get; }

    /// <summary>Bytes of a block as stored.</summary>
    static abstract int StoredBytes { get; }

    /// <summary>Where byte <paramref name="index"/> of the header stands in a stored block.</summary>
    static abstract int StoredHeader(int index);

    /// <summary>q of weight <paramref name="index"/> of a stored block, not negative.</summary>
    static abstract uint StoredCode(ArrayView<byte> block, int index);

    /// <summary>Scale and offset of weights [16 part, 16 part + 16) of a block, from its header.</summary>
    static abstract void Scale(ArrayView<byte> header, int part, out float scale, out float offset);

    /// <summary>The level that q stands for.</summary>
    static abstract float Level(uint code);
}

/// <summary>
/// Rows of quantised weights as they lie in a GPU's memory: the same bits as in the file, in another order, so that 32
/// consecutive weights are whole aligned words.
/// <para>A row of G groups of 32 is, one after the other: the lower bits of q, group g in words [L g, L g + L) for L bits, weight i
/// in bits L (i mod 32/L)… of word L g + i / (32/L); likewise the higher bits; then the headers, block by block. Rows begin
/// at multiples of 16 bytes.</para>
/// </summary>
/// <typeparam name="TFormat">The format.</typeparam>
public readonly struct GpuBlocks<TFormat> : IGpuElement
    where TFormat : struct, IGpuBlockFormat
{
    static ElementType IGpuElement.Type => TFormat.Type;

    static float IGpuElement.Read(ArrayView<byte> row, int column)
    {
        // Filled up by less than a block.
        int groups = (int)row.Length / TFormat.StoredBytes * (TFormat.BlockWeights / IGpuElement.GroupWeights);
        float[] weights = new float[IGpuElement.GroupWeights];
        Decode(row.Cast<GpuUInt4>(), groups, column / IGpuElement.GroupWeights, weights);
        float weight = 0;
        // An array indexed by constants alone stays in registers.
        for (int i = 0; i < IGpuElement.GroupWeights; i++)
            weight = i == column % IGpuElement.GroupWeights ? weights[i] : weight;
        return weight;
    }

    static void IGpuElement.ReadGroup(ArrayView<GpuUInt4> row, int groups, int group, float[] weights) => Decode(row, groups, group, weights);

    private static void Decode(ArrayView<GpuUInt4> row, int groups, int group, float[] weights)
    {
        int groupsPerBlock = TFormat.BlockWeights / IGpuElement.GroupWeights;
        int codeBytes = 4 * (TFormat.LowBits + TFormat.HighBits) * groups;
        ArrayView<byte> header = row.Cast<byte>().SubView(codeBytes + (group / groupsPerBlock * TFormat.HeaderBytes), TFormat.HeaderBytes);
        int part = group % groupsPerBlock * 2;
        TFormat.Scale(header, part, out float scale, out float offset);
        float scale2 = scale;
        float offset2 = offset;
        if (TFormat.ScaleWeights == 16)
            TFormat.Scale(header, part + 1, out scale2, out offset2);

        uint high = 0;
        uint high2 = 0;
        if (TFormat.HighBits != 0)
        {
            ArrayView<uint> highs = row.Cast<uint>().SubView(TFormat.LowBits * groups, TFormat.HighBits * groups);
            high = highs[TFormat.HighBits * group];
            high2 = TFormat.HighBits == 2 ? highs[(2 * group) + 1] : high >> 16;
        }
        if (TFormat.LowBits == 8)
        {
            GpuUInt4 first = row[2 * group];
            GpuUInt4 second = row[(2 * group) + 1];
            ReadWords(weights, 0, first, scale, offset);
            ReadWords(weights, 16, second, scale2, offset2);
        }
        if (TFormat.LowBits == 4)
        {
            GpuUInt4 low = row[group];
            ReadEight(weights, 0, low.X, high, scale, offset);
            ReadEight(weights, 8, low.Y, high >> (8 * TFormat.HighBits), scale, offset);
            ReadEight(weights, 16, low.Z, high2, scale2, offset2);
            ReadEight(weights, 24, low.W, high2 >> (8 * TFormat.HighBits), scale2, offset2);
        }
        if (TFormat.LowBits == 2)
        {
            uint low = row.Cast<uint>()[2 * group];
            uint low2 = row.Cast<uint>()[(2 * group) + 1];
            ReadEight(weights, 0, low, high, scale, offset);
            ReadEight(weights, 8, low >> 16, high >> (8 * TFormat.HighBits), scale, offset);
            ReadEight(weights, 16, low2, high2, scale2, offset2);
            ReadEight(weights, 24, low2 >> 16, high2 >> (8 * TFormat.HighBits), scale2, offset2);
        }
    }

    private static void ReadEight(float[] weights, int first, uint low, uint high, float scale, float offset)
    {
        for (int i = 0; i < 8; i++)
        {
            uint code = (low >> (TFormat.LowBits * i)) & ((1u << TFormat.LowBits) - 1);
            if (TFormat.HighBits != 0)
                code |= ((high >> (TFormat.HighBits * i)) & ((1u << TFormat.HighBits) - 1)) << TFormat.LowBits;
            weights[first + i] = (TFormat.Level(code) * scale) + offset;
        }
    }

    private static void ReadWords(float[] weights, int first, GpuUInt4 words, float scale, float offset)
    {
        ReadFour(weights, first, words.X, scale, offset);
        ReadFour(weights, first + 4, words.Y, scale, offset);
        ReadFour(weights, first + 8, words.Z, scale, offset);
        ReadFour(weights, first + 12, words.W, scale, offset);
    }

    private static void ReadFour(float[] weights, int first, uint word, float scale, float offset)
    {
        for (int i = 0; i < 4; i++)
            weights[first + i] = (TFormat.Level((word >> (8 * i)) & 255) * scale) + offset;
    }
}
