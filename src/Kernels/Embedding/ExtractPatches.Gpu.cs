using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="ExtractPatches.Gpu"/>.</summary>
public readonly struct ExtractPatchesGpuArguments
{
    /// <summary>[3, side, side].</summary>
    public ArrayView<float> Pixels { get; init; }

    /// <summary>y [patches, 3 * patch * patch].</summary>
    public ArrayView<float> Y { get; init; }

    /// <summary>The side of the picture.</summary>
    public int Side { get; init; }

    /// <summary>The side of a patch.</summary>
    public int Patch { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class ExtractPatches
{
    /// <summary>Outputs of a group of <see cref="Gpu"/>, one a thread.</summary>
    public const int GpuThreads = 256;

    /// <summary>A thread an output; grid (columns of a row / <see cref="GpuThreads"/>, patches).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(ExtractPatchesGpuArguments arguments)
    {
        int patch = arguments.Patch;
        int columns = Channels * patch * patch;
        int column = (Grid.IdxX * GpuThreads) + Group.IdxX;
        if (column >= columns)
            return;
        int perRow = arguments.Side / patch;
        int y = (Grid.IdxY / perRow * patch) + (column / patch % patch);
        int x = (Grid.IdxY % perRow * patch) + (column % patch);
        int channel = column / (patch * patch);
        arguments.Y[((long)Grid.IdxY * columns) + column] =
            arguments.Pixels[((((long)channel * arguments.Side) + y) * arguments.Side) + x];
    }
}
