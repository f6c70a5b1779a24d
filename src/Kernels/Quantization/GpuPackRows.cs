using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>The operands of <see cref="GpuPackRows"/>.</summary>
public readonly struct PackRowsGpuArguments
{
    /// <summary>Rows as stored.</summary>
    public ArrayView<byte> Source { get; init; }

    /// <summary>Rows as <see cref="IGpuElement"/> says.</summary>
    public ArrayView<byte> Target { get; init; }

    /// <summary>How many.</summary>
    public int Rows { get; init; }

    /// <summary>Bytes of a row as stored.</summary>
    public long SourceRowBytes { get; init; }

    /// <summary>Bytes of a row of the target.</summary>
    public long TargetRowBytes { get; init; }

    /// <summary>Groups of <see cref="IGpuElement.GroupWeights"/> weights in a row.</summary>
    public int Groups { get; init; }
}

/// <summary>Brings stored rows into the order that GPU kernels read: the same bits, moved once when a model is loaded.</summary>
public static class GpuPackRows
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = 128;

    /// <summary>Quantised rows; a thread a group of 32 weights, grid (groups of all rows / <see cref="Threads"/>).</summary>
    [GpuKernel(Threads)]
    public static void Blocks<TFormat>(PackRowsGpuArguments arguments)
        where TFormat : struct, IGpuBlockFormat
    {
        long index = ((long)Grid.IdxX * Threads) + Group.IdxX;
        if (index >= (long)arguments.Rows * arguments.Groups)
            return;
        int row = (int)(index / arguments.Groups);
        int group = (int)(index % arguments.Groups);
        int groupsPerBlock = TFormat.BlockWeights / IGpuElement.GroupWeights;
        int blockNumber = group / groupsPerBlock;
        int first = group % groupsPerBlock * IGpuElement.GroupWeights;
        ArrayView<byte> block = arguments.Source.SubView(
            (row * arguments.SourceRowBytes) + ((long)blockNumber * TFormat.StoredBytes), TFormat.StoredBytes);
        ArrayView<byte> target = arguments.Target.SubView(row * arguments.TargetRowBytes, arguments.TargetRowBytes);

        ArrayView<uint> words = target.Cast<uint>();
        for (int word = 0; word < TFormat.LowBits; word++)
            words[(group * TFormat.LowBits) + word] = Word<TFormat>(block, first, word, TFormat.LowBits, 0);
        for (int word = 0; word < TFormat.HighBits; word++)
        {
            words[(arguments.Groups * TFormat.LowBits) + (group * TFormat.HighBits) + word] =
                Word<TFormat>(block, first, word, TFormat.HighBits, TFormat.LowBits);
        }
        if (first != 0)
            return;
        int header = (4 * (TFormat.LowBits + TFormat.HighBits) * arguments.Groups) + (blockNumber * TFormat.HeaderBytes);
        for (int i = 0; i < TFormat.HeaderBytes; i++)
            target[header + i] = block[TFormat.StoredHeader(i)];
    }

    /// <summary>
    /// Plain rows, filled up with zeros; a thread two bytes of a row of the target, grid (two bytes of all rows / <see cref="Threads"/>).
    /// </summary>
    [GpuKernel(Threads)]
    public static void Plain(PackRowsGpuArguments arguments)
    {
        long index = ((long)Grid.IdxX * Threads) + Group.IdxX;
        long perRow = arguments.TargetRowBytes / 2;
        if (index >= arguments.Rows * perRow)
            return;
        long row = index / perRow;
        long column = index % perRow;
        long stored = arguments.SourceRowBytes / 2;
        ushort value = 0;
        if (column < stored)
            value = arguments.Source.Cast<ushort>()[(row * stored) + column];
        arguments.Target.Cast<ushort>()[index] = value;
    }

    /// <summary>Word <paramref name="word"/> of a group: bits [shift, shift + bits) of the q of 32 / bits weights.</summary>
    private static uint Word<TFormat>(ArrayView<byte> block, int first, int word, int bits, int shift)
        where TFormat : struct, IGpuBlockFormat
    {
        // The compiler also divides by the 0 bits of a plane that is not there.
        int count = 32 / Math.Max(bits, 1);
        uint packed = 0;
        for (int i = 0; i < count; i++)
        {
            uint code = TFormat.StoredCode(block, first + (word * count) + i);
            packed |= ((code >> shift) & ((1u << bits) - 1)) << (bits * i);
        }
        return packed;
    }
}
