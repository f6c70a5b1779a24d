using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <content>The GPU form.</content>
public static unsafe partial class LayerNorm
{
    private const int GpuThreads = 256;

    /// <summary>A group a row; grid (rows). Reads x three times, the last two from the cache.</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(NormGpuArguments arguments)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GpuThreads);
        long row = (long)Grid.IdxX * arguments.Columns;
        ArrayView<float> x = arguments.X.SubView(row, arguments.Columns);
        ArrayView<float> y = arguments.Y.SubView(row, arguments.Columns);
        float sum = 0;
        for (int c = Group.IdxX; c < arguments.Columns; c += GpuThreads)
            sum += x[c];
        float mean = GpuReduce.Sum(shared, sum, GpuThreads) / arguments.Columns;
        float squares = 0;
        for (int c = Group.IdxX; c < arguments.Columns; c += GpuThreads)
            squares += (x[c] - mean) * (x[c] - mean);
        float variance = GpuReduce.Sum(shared, squares, GpuThreads) / arguments.Columns;
        float scale = 1 / MathF.Sqrt(variance + arguments.Epsilon);
        for (int c = Group.IdxX; c < arguments.Columns; c += GpuThreads)
            y[c] = ((x[c] - mean) * scale * arguments.Weight[c]) + arguments.Bias[c];
    }
}
