using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="GatherRows.Gpu{TElement}"/>.</summary>
public readonly struct GatherRowsGpuArguments
{
    /// <summary>Rows of the table that begin with row <see cref="FirstRow"/>: a table may lie in several parts.</summary>
    public ArrayView<byte> Part { get; init; }

    /// <summary>The first row of the part.</summary>
    public int FirstRow { get; init; }

    /// <summary>Rows of the part.</summary>
    public int PartRows { get; init; }

    /// <summary>Rows of the whole table.</summary>
    public int TableRows { get; init; }

    /// <summary>Bytes of a row of the table.</summary>
    public long RowBytes { get; init; }

    /// <summary>The table row of each output row [rows].</summary>
    public ArrayView<int> Ids { get; init; }

    /// <summary>y [rows, <see cref="Columns"/>].</summary>
    public ArrayView<float> Y { get; init; }

    /// <summary>Columns of a row.</summary>
    public int Columns { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class GatherRows
{
    /// <summary>Outputs of a group of <see cref="Gpu{TElement}"/>, one a thread.</summary>
    public const int GpuThreads = 256;

    /// <summary>
    /// A thread an output; grid (columns / <see cref="GpuThreads"/>, rows). Rows of other parts are left alone; an id that is no
    /// row of the table gives NaN.
    /// </summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu<TElement>(GatherRowsGpuArguments arguments)
        where TElement : struct, IGpuElement
    {
        int column = (Grid.IdxX * GpuThreads) + Group.IdxX;
        if (column >= arguments.Columns)
            return;
        int id = arguments.Ids[Grid.IdxY];
        long output = ((long)Grid.IdxY * arguments.Columns) + column;
        if (id < 0 || id >= arguments.TableRows)
            arguments.Y[output] = float.NaN;
        else if (id >= arguments.FirstRow && id < arguments.FirstRow + arguments.PartRows)
            arguments.Y[output] = TElement.Read(arguments.Part.SubView((id - arguments.FirstRow) * arguments.RowBytes, arguments.RowBytes), column);
    }
}
