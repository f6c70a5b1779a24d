using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="SwiGlu.Gpu"/>: rows without gaps.</summary>
public readonly struct SwiGluGpuArguments
{
    /// <summary>gate|up [rows, 2 * <see cref="Columns"/>].</summary>
    public ArrayView<float> GateUp { get; init; }

    /// <summary>y [rows, <see cref="Columns"/>].</summary>
    public ArrayView<float> Y { get; init; }

    /// <summary>Columns of y.</summary>
    public int Columns { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class SwiGlu
{
    /// <summary>Outputs of a group of <see cref="Gpu"/>, one a thread.</summary>
    public const int GpuThreads = 256;

    /// <summary>A thread an output; grid (columns / <see cref="GpuThreads"/>, rows).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(SwiGluGpuArguments arguments)
    {
        int column = (Grid.IdxX * GpuThreads) + Group.IdxX;
        if (column >= arguments.Columns)
            return;
        ArrayView<float> row = arguments.GateUp.SubView(2L * Grid.IdxY * arguments.Columns, 2L * arguments.Columns);
        float gate = row[column];
        arguments.Y[((long)Grid.IdxY * arguments.Columns) + column] = gate / (1 + GpuMath.Exp(-gate)) * row[arguments.Columns + column];
    }
}
