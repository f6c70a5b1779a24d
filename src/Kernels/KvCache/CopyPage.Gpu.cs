using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="CopyPage.Gpu{TElement}"/>.</summary>
public readonly struct CopyPageGpuArguments
{
    /// <summary>K pages of all layers, one layer after the other.</summary>
    public ArrayView<byte> Keys { get; init; }

    /// <summary>V pages of all layers.</summary>
    public ArrayView<byte> Values { get; init; }

    /// <summary>Bytes of a layer in either pool.</summary>
    public long LayerBytes { get; init; }

    /// <summary>Heads of K and V.</summary>
    public int KvHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }

    /// <summary>The page that is read.</summary>
    public int Source { get; init; }

    /// <summary>The page that is written, another one.</summary>
    public int Destination { get; init; }

    /// <summary>How many positions, 0 to 64.</summary>
    public int Positions { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class CopyPage
{
    private const int GpuThreads = 256;

    /// <summary>A group a head of a layer, all layers at once; grid (kv heads, layers).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu<TElement>(CopyPageGpuArguments arguments)
        where TElement : struct, IGpuKvElement
    {
        int bytes = TElement.TileBytes(arguments.HeadDim);
        long layer = Grid.IdxY * arguments.LayerBytes;
        long source = layer + ((((long)arguments.Source * arguments.KvHeads) + Grid.IdxX) * bytes);
        long destination = layer + ((((long)arguments.Destination * arguments.KvHeads) + Grid.IdxX) * bytes);
        ArrayView<byte> fromKeys = arguments.Keys.SubView(source, bytes);
        ArrayView<byte> toKeys = arguments.Keys.SubView(destination, bytes);
        ArrayView<byte> fromValues = arguments.Values.SubView(source, bytes);
        ArrayView<byte> toValues = arguments.Values.SubView(destination, bytes);
        for (int i = Group.IdxX; i < KvLayout.TileFloats(arguments.HeadDim); i += GpuThreads)
        {
            if (i % KvLayout.PagePositions < arguments.Positions)
                TElement.CopyNumber(fromKeys, toKeys, i);
            if (i < arguments.Positions * arguments.HeadDim)
                TElement.CopyNumber(fromValues, toValues, i);
        }
        if (Group.IdxX < arguments.Positions)
        {
            TElement.CopyScale(fromKeys, toKeys, arguments.HeadDim, Group.IdxX);
            TElement.CopyScale(fromValues, toValues, arguments.HeadDim, Group.IdxX);
        }
    }
}
