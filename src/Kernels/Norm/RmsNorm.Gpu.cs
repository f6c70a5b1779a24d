using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="RmsNorm.Gpu"/> and <see cref="LayerNorm.Gpu"/>: rows without gaps.</summary>
public readonly struct NormGpuArguments
{
    /// <summary>x [rows, <see cref="Columns"/>].</summary>
    public ArrayView<float> X { get; init; }

    /// <summary>w [<see cref="Columns"/>].</summary>
    public ArrayView<float> Weight { get; init; }

    /// <summary>b [<see cref="Columns"/>]; only of a layer norm.</summary>
    public ArrayView<float> Bias { get; init; }

    /// <summary>y [rows, <see cref="Columns"/>]; may be x.</summary>
    public ArrayView<float> Y { get; init; }

    /// <summary>Columns of a row.</summary>
    public int Columns { get; init; }

    /// <summary>Keeps the root away from 0.</summary>
    public float Epsilon { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class RmsNorm
{
    private const int GpuThreads = 256;

    /// <summary>A group a row; grid (rows). Reads x twice, the second time from the cache.</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(NormGpuArguments arguments)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GpuThreads);
        long row = (long)Grid.IdxX * arguments.Columns;
        ArrayView<float> x = arguments.X.SubView(row, arguments.Columns);
        ArrayView<float> y = arguments.Y.SubView(row, arguments.Columns);
        float squares = 0;
        for (int c = Group.IdxX; c < arguments.Columns; c += GpuThreads)
            squares += x[c] * x[c];
        squares = GpuReduce.Sum(shared, squares, GpuThreads);
        float scale = 1 / MathF.Sqrt((squares / arguments.Columns) + arguments.Epsilon);
        for (int c = Group.IdxX; c < arguments.Columns; c += GpuThreads)
            y[c] = x[c] * scale * arguments.Weight[c];
    }
}
