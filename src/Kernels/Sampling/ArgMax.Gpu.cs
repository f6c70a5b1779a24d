using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="ArgMax.Gpu"/>.</summary>
public readonly struct ArgMaxGpuArguments
{
    /// <summary>x [rows, <see cref="Columns"/>].</summary>
    public ArrayView<float> X { get; init; }

    /// <summary>The index of the largest value of each row [rows].</summary>
    public ArrayView<int> Ids { get; init; }

    /// <summary>Values of a row.</summary>
    public int Columns { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class ArgMax
{
    /// <summary>Threads of a group that looks for a row's largest value.</summary>
    internal const int GpuThreads = 256;

    /// <summary>A group a row; grid (rows).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(ArgMaxGpuArguments arguments)
    {
        ArrayView<float> values = SharedMemory.Allocate<float>(GpuThreads);
        ArrayView<int> indices = SharedMemory.Allocate<int>(GpuThreads);
        ArrayView<float> x = arguments.X.SubView((long)Grid.IdxX * arguments.Columns, arguments.Columns);
        int best = GpuBest(x, arguments.Columns, values, indices, float.PositiveInfinity, -1);
        if (Group.IdxX == 0)
            arguments.Ids[Grid.IdxX] = best;
    }

    /// <summary>
    /// The index of the first element, in the order of falling values and, of equals, rising indices, that stands behind
    /// (<paramref name="previous"/>, <paramref name="previousIndex"/>); -1 where there is none. Its value is left in values[0].
    /// </summary>
    internal static int GpuBest(
        ArrayView<float> x, int count, ArrayView<float> values, ArrayView<int> indices, float previous, int previousIndex)
    {
        int thread = Group.IdxX;
        int best = -1;
        float largest = 0;
        for (int i = thread; i < count; i += GpuThreads)
        {
            float value = x[i];
            // A NaN is behind nothing and above nothing.
            bool behind = value < previous || (value == previous && i > previousIndex);
            if (behind && (best < 0 || value > largest))
            {
                best = i;
                largest = value;
            }
        }
        values[thread] = largest;
        indices[thread] = best;
        Group.Barrier();
        for (int half = GpuThreads / 2; half > 0; half /= 2)
        {
            if (thread < half)
            {
                float value = values[thread + half];
                int index = indices[thread + half];
                int mine = indices[thread];
                bool wins = mine < 0 || value > values[thread] || (value == values[thread] && index < mine);
                if (index >= 0 && wins)
                {
                    values[thread] = value;
                    indices[thread] = index;
                }
            }
            Group.Barrier();
        }
        return indices[0];
    }
}
