using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="TopK.Gpu"/>.</summary>
public readonly struct TopKGpuArguments
{
    /// <summary>x [rows, <see cref="Columns"/>].</summary>
    public ArrayView<float> X { get; init; }

    /// <summary>The largest values [rows, <see cref="K"/>].</summary>
    public ArrayView<float> Values { get; init; }

    /// <summary>Their indices [rows, <see cref="K"/>], -1 where a row has fewer that are numbers.</summary>
    public ArrayView<int> Ids { get; init; }

    /// <summary>Values of a row.</summary>
    public int Columns { get; init; }

    /// <summary>How many are wanted.</summary>
    public int K { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class TopK
{
    /// <summary>A group a row, which it passes over once for each of the k; grid (rows).</summary>
    [GpuKernel(ArgMax.GpuThreads)]
    public static void Gpu(TopKGpuArguments arguments)
    {
        ArrayView<float> values = SharedMemory.Allocate<float>(ArgMax.GpuThreads);
        ArrayView<int> indices = SharedMemory.Allocate<int>(ArgMax.GpuThreads);
        ArrayView<float> x = arguments.X.SubView((long)Grid.IdxX * arguments.Columns, arguments.Columns);
        float previous = float.PositiveInfinity;
        int previousIndex = -1;
        for (int i = 0; i < arguments.K; i++)
        {
            int best = ArgMax.GpuBest(x, arguments.Columns, values, indices, previous, previousIndex);
            float value = values[0];
            Group.Barrier();
            if (Group.IdxX == 0)
            {
                long output = ((long)Grid.IdxX * arguments.K) + i;
                arguments.Ids[output] = best;
                if (best >= 0)
                    arguments.Values[output] = value;
            }
            // Behind nothing comes nothing: NaN compares with no value.
            previous = best < 0 ? float.NaN : value;
            previousIndex = best;
        }
    }
}
