using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="KvAppend.Gpu"/>: those of <see cref="KvAppendArguments"/> in a GPU's memory.</summary>
public readonly struct KvAppendGpuArguments
{
    /// <summary>Joined rows q|k|v without gaps; q and k are rotated in place.</summary>
    public ArrayView<float> Qkv { get; init; }

    /// <summary>Cosine table [positions, headDim / 2].</summary>
    public ArrayView<float> Cos { get; init; }

    /// <summary>Sine table.</summary>
    public ArrayView<float> Sin { get; init; }

    /// <summary>The position of each row.</summary>
    public ArrayView<int> Positions { get; init; }

    /// <summary>The sequence of each row.</summary>
    public ArrayView<int> Sequences { get; init; }

    /// <summary>Page numbers [sequences, <see cref="MaxPages"/>].</summary>
    public ArrayView<int> PageTable { get; init; }

    /// <summary>The layer's K pages.</summary>
    public ArrayView<byte> Keys { get; init; }

    /// <summary>The layer's V pages.</summary>
    public ArrayView<byte> Values { get; init; }

    /// <summary>1 where the rotation stores fp32 numbers; 0 where <see cref="KvAppend.GpuQuantize"/> stores after it.</summary>
    public int Stores { get; init; }

    /// <summary>Entries of a sequence in the page table.</summary>
    public int MaxPages { get; init; }

    /// <summary>Query heads.</summary>
    public int Heads { get; init; }

    /// <summary>Heads of K and V.</summary>
    public int KvHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class KvAppend
{
    private const int QuantizeThreads = 128;
    private const float LargestQuant = 127;
    private const float RoundingShift = 1.5f * (1 << 23);

    /// <summary>Pairs of a group of <see cref="Gpu"/>, one a thread.</summary>
    public const int GpuThreads = 256;

    /// <summary>A thread a pair (i, i + headDim / 2) of a head of q, k or v; grid (pairs of a row / <see cref="GpuThreads"/>, rows).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(KvAppendGpuArguments arguments)
    {
        int half = arguments.HeadDim / 2;
        int heads = arguments.Heads + (2 * arguments.KvHeads);
        int pair = (Grid.IdxX * GpuThreads) + Group.IdxX;
        if (pair >= heads * half)
            return;
        int head = pair / half;
        int i = pair % half;
        int position = arguments.Positions[Grid.IdxY];
        ArrayView<float> x = arguments.Qkv.SubView(
            ((long)Grid.IdxY * heads * arguments.HeadDim) + ((long)head * arguments.HeadDim), arguments.HeadDim);
        float low = x[i];
        float high = x[i + half];
        if (head < arguments.Heads + arguments.KvHeads)
        {
            float cos = arguments.Cos[((long)position * half) + i];
            float sin = arguments.Sin[((long)position * half) + i];
            float rotated = (low * cos) - (high * sin);
            high = (high * cos) + (low * sin);
            low = rotated;
            x[i] = low;
            x[i + half] = high;
        }
        if (head < arguments.Heads || arguments.Stores == 0)
            return;

        int slot = position % KvLayout.PagePositions;
        bool isKey = head < arguments.Heads + arguments.KvHeads;
        ArrayView<float> tile = GpuTile<GpuKvF32>(arguments, Grid.IdxY, head - arguments.Heads).Cast<float>();
        int first = isKey ? (i * KvLayout.PagePositions) + slot : (slot * arguments.HeadDim) + i;
        tile[first] = low;
        tile[first + (isKey ? half * KvLayout.PagePositions : half)] = high;
    }

    /// <summary>
    /// Stores the rotated key, or the value, of a row and head as a <see cref="QuantizedHead"/>; grid (K heads and V heads, rows).
    /// </summary>
    [GpuKernel(QuantizeThreads)]
    public static void GpuQuantize(KvAppendGpuArguments arguments)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(QuantizeThreads);
        int headDim = arguments.HeadDim;
        int head = Grid.IdxX;
        int slot = arguments.Positions[Grid.IdxY] % KvLayout.PagePositions;
        bool isKey = head < arguments.KvHeads;
        int heads = arguments.Heads + (2 * arguments.KvHeads);
        ArrayView<float> x = arguments.Qkv.SubView((((long)Grid.IdxY * heads) + arguments.Heads + head) * headDim, headDim);
        ArrayView<byte> tile = GpuTile<GpuKvQ8>(arguments, Grid.IdxY, head);
        float largest = 0;
        for (int d = Group.IdxX; d < headDim; d += QuantizeThreads)
        {
            // What is not finite makes the scale NaN.
            float magnitude = x[d] < 0 ? -x[d] : x[d];
            largest = magnitude <= float.MaxValue ? IntrinsicMath.Max(largest, magnitude) : float.PositiveInfinity;
            if (largest == float.PositiveInfinity)
                break;
        }
        largest = GpuReduce.Max(shared, largest, QuantizeThreads);
        float scale = largest == float.PositiveInfinity ? float.NaN : largest / LargestQuant;
        for (int d = Group.IdxX; d < headDim; d += QuantizeThreads)
        {
            float quant = scale > 0 ? x[d] / scale : 0;
            quant = quant > LargestQuant ? LargestQuant : quant < -LargestQuant ? -LargestQuant : quant;
            // Adding and taking away 1.5 2^23 rounds to the nearest whole number, halves to even.
            int rounded = (int)((quant + RoundingShift) - RoundingShift);
            tile.Cast<sbyte>()[isKey ? (d * KvLayout.PagePositions) + slot : (slot * headDim) + d] = (sbyte)rounded;
        }
        if (Group.IdxX == 0)
            GpuKvQ8.Scales(tile, headDim)[slot] = scale;
    }

    /// <summary>The tile that holds a row's position; heads of V follow those of K.</summary>
    private static ArrayView<byte> GpuTile<TElement>(KvAppendGpuArguments arguments, int row, int head)
        where TElement : struct, IGpuKvElement
    {
        int page = arguments.PageTable[((long)arguments.Sequences[row] * arguments.MaxPages) + (arguments.Positions[row] / KvLayout.PagePositions)];
        int bytes = TElement.TileBytes(arguments.HeadDim);
        bool isKey = head < arguments.KvHeads;
        long tile = (((long)page * arguments.KvHeads) + (isKey ? head : head - arguments.KvHeads)) * bytes;
        return (isKey ? arguments.Keys : arguments.Values).SubView(tile, bytes);
    }
}
