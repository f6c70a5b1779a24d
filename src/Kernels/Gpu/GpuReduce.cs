using ILGPU;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// Sums and maxima over all threads of a group, through shared memory because OpenCL has no warp shuffles; in a tree whose
/// shape depends on the group's size alone, so that the same call gives the same bits. All threads of the group take part.
/// </summary>
internal static class GpuReduce
{
    /// <summary>The sum of every thread's <paramref name="value"/>, in all threads.</summary>
    /// <param name="shared">A float a thread; free to use before and after.</param>
    /// <param name="value">This thread's.</param>
    /// <param name="threads">Threads of the group, a power of two.</param>
    public static float Sum(ArrayView<float> shared, float value, int threads)
    {
        int thread = Group.IdxX;
        shared[thread] = value;
        Group.Barrier();
        for (int half = threads / 2; half > 0; half /= 2)
        {
            if (thread < half)
                shared[thread] += shared[thread + half];
            Group.Barrier();
        }
        float sum = shared[0];
        Group.Barrier();
        return sum;
    }

    /// <summary>The largest of every thread's <paramref name="value"/>, in all threads; NaN is passed over.</summary>
    /// <param name="shared">A float a thread; free to use before and after.</param>
    /// <param name="value">This thread's.</param>
    /// <param name="threads">Threads of the group, a power of two.</param>
    public static float Max(ArrayView<float> shared, float value, int threads)
    {
        int thread = Group.IdxX;
        shared[thread] = float.IsNaN(value) ? float.NegativeInfinity : value;
        Group.Barrier();
        for (int half = threads / 2; half > 0; half /= 2)
        {
            if (thread < half)
            {
                float other = shared[thread + half];
                if (other > shared[thread])
                    shared[thread] = other;
            }
            Group.Barrier();
        }
        float largest = shared[0];
        Group.Barrier();
        return largest;
    }
}
