using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The number of rows of A that a kernel is compiled for.</summary>
public interface IGpuRowCount
{
    /// <summary>1, 2 or 4.</summary>
    static abstract int Count { get; }
}

/// <summary>One row: decoding one sequence.</summary>
public readonly struct GpuOneRow : IGpuRowCount
{
    /// <inheritdoc/>
    public static int Count => 1;
}

/// <summary>Two rows.</summary>
public readonly struct GpuTwoRows : IGpuRowCount
{
    /// <inheritdoc/>
    public static int Count => 2;
}

/// <summary>Three or four rows.</summary>
public readonly struct GpuFourRows : IGpuRowCount
{
    /// <inheritdoc/>
    public static int Count => 4;
}

/// <content>The GPU form for at most four rows, which the memory's bandwidth bounds.</content>
public static unsafe partial class MatMul
{
    /// <summary>Threads of a group of <see cref="GpuVector{TElement, TRows}"/>.</summary>
    public const int GpuVectorThreads = 128;

    /// <summary>Columns of C of such a group.</summary>
    public const int GpuVectorColumns = GpuVectorThreads / TeamThreads * TeamColumns;

    /// <summary>The most rows that it multiplies.</summary>
    public const int GpuVectorRows = 4;

    private const int TeamThreads = 32;
    private const int TeamColumns = 2;

    // Floats of A in shared memory, rows together.
    private const int StagedFloats = 4096;

    // 32 floats and 4 more, so that threads that read the same place of neighbouring groups use different banks.
    private const int StagedGroup = IGpuElement.GroupWeights + 4;

    /// <summary>
    /// A team of 32 threads computes <see cref="TeamColumns"/> columns of C: thread t multiplies groups t, t + 32… of 32 weights,
    /// each read once, by all rows of A, which lie in shared memory piece by piece; the threads' sums are added in a fixed tree.
    /// Grid (columns / <see cref="GpuVectorColumns"/>). Moves bytes(W), and A once a group.
    /// </summary>
    [GpuKernel(GpuVectorThreads)]
    public static void GpuVector<TElement, TRows>(MatMulGpuArguments arguments)
        where TElement : struct, IGpuElement
        where TRows : struct, IGpuRowCount
    {
        int pieceGroups = StagedFloats / IGpuElement.GroupWeights / TRows.Count;
        ArrayView<float> a = SharedMemory.Allocate<float>(StagedFloats / IGpuElement.GroupWeights * StagedGroup);
        ArrayView<GpuFloat4> aFours = a.Cast<GpuFloat4>();
        int thread = Group.IdxX;
        int lane = thread % TeamThreads;
        int firstColumn = (Grid.IdxX * GpuVectorColumns) + (thread / TeamThreads * TeamColumns);
        float[] sums = new float[TRows.Count * TeamColumns];
        for (int i = 0; i < TRows.Count * TeamColumns; i++)
            sums[i] = 0;

        for (int piece = 0; piece < arguments.Groups; piece += pieceGroups)
        {
            int groups = Math.Min(pieceGroups, arguments.Groups - piece);
            for (int row = 0; row < TRows.Count; row++)
                StageRow(arguments, Math.Min(row, arguments.Rows - 1), piece, groups, a, row * pieceGroups);
            Group.Barrier();
            for (int group = lane; group < groups; group += TeamThreads)
            {
                AddProducts<TElement, TRows>(arguments, firstColumn, piece + group, aFours, group * (StagedGroup / 4), sums, 0);
                AddProducts<TElement, TRows>(arguments, firstColumn + 1, piece + group, aFours, group * (StagedGroup / 4), sums, TRows.Count);
            }
            Group.Barrier();
        }

        for (int i = 0; i < TRows.Count * TeamColumns; i++)
            a[(i * GpuVectorThreads) + thread] = sums[i];
        Group.Barrier();
        for (int half = TeamThreads / 2; half > 0; half /= 2)
        {
            if (lane < half)
            {
                for (int i = 0; i < TRows.Count * TeamColumns; i++)
                    a[(i * GpuVectorThreads) + thread] += a[(i * GpuVectorThreads) + thread + half];
            }
            Group.Barrier();
        }
        if (thread < TRows.Count * GpuVectorColumns)
        {
            int row = thread / GpuVectorColumns;
            int column = thread % GpuVectorColumns;
            int output = ((((column % TeamColumns) * TRows.Count) + row) * GpuVectorThreads) + (column / TeamColumns * TeamThreads);
            column += Grid.IdxX * GpuVectorColumns;
            if (row < arguments.Rows && column < arguments.Columns && IsOfPart(arguments, column))
                Finish(arguments, row, column, a[output]);
        }
    }

    /// <summary>The row of W of an output. Outputs that are not written are computed from some row all the same.</summary>
    private static int WeightRow(MatMulGpuArguments arguments, int column)
    {
        int output = Math.Min(column, arguments.Columns - 1);
        return arguments.HasRowIds == 0
            ? output
            : Math.Max(0, Math.Min(arguments.RowIds[output] - arguments.PartFirstRow, arguments.PartRows - 1));
    }

    private static bool IsOfPart(MatMulGpuArguments arguments, int column)
    {
        if (arguments.HasRowIds == 0)
            return true;
        int row = arguments.RowIds[column] - arguments.PartFirstRow;
        return row >= 0 && row < arguments.PartRows;
    }

    /// <summary>Adds the products of a group of 32 weights of one column with all rows.</summary>
    private static void AddProducts<TElement, TRows>(
        MatMulGpuArguments arguments, int column, int group, ArrayView<GpuFloat4> a, int start, float[] sums, int firstSum)
        where TElement : struct, IGpuElement
        where TRows : struct, IGpuRowCount
    {
        long first = (long)WeightRow(arguments, column) * arguments.RowWords;
        float[] weights = new float[IGpuElement.GroupWeights];
        TElement.ReadGroup(arguments.W.SubView(first, arguments.RowWords), arguments.Groups, group, weights);
        AddFour<TRows>(a, start, weights, 0, sums, firstSum);
        AddFour<TRows>(a, start, weights, 1, sums, firstSum);
        AddFour<TRows>(a, start, weights, 2, sums, firstSum);
        AddFour<TRows>(a, start, weights, 3, sums, firstSum);
        AddFour<TRows>(a, start, weights, 4, sums, firstSum);
        AddFour<TRows>(a, start, weights, 5, sums, firstSum);
        AddFour<TRows>(a, start, weights, 6, sums, firstSum);
        AddFour<TRows>(a, start, weights, 7, sums, firstSum);
    }

    private static void AddFour<TRows>(ArrayView<GpuFloat4> a, int start, float[] weights, int four, float[] sums, int firstSum)
        where TRows : struct, IGpuRowCount
    {
        for (int row = 0; row < TRows.Count; row++)
        {
            GpuFloat4 x = a[(row * (StagedFloats / IGpuElement.GroupWeights / TRows.Count * (StagedGroup / 4))) + start + four];
            float sum = sums[firstSum + row];
            sum += x.X * weights[4 * four];
            sum += x.Y * weights[(4 * four) + 1];
            sum += x.Z * weights[(4 * four) + 2];
            sum += x.W * weights[(4 * four) + 3];
            sums[firstSum + row] = sum;
        }
    }

    /// <summary>Brings groups of a row of A into shared memory, each followed by a gap; zeros behind the last column.</summary>
    private static void StageRow(MatMulGpuArguments arguments, int row, int firstGroup, int groups, ArrayView<float> a, int firstStaged)
    {
        int first = firstGroup * IGpuElement.GroupWeights;
        for (int i = Group.IdxX; i < groups * IGpuElement.GroupWeights; i += GpuVectorThreads)
        {
            int staged = ((firstStaged + (i / IGpuElement.GroupWeights)) * StagedGroup) + (i % IGpuElement.GroupWeights);
            a[staged] = first + i < arguments.K ? arguments.A[((long)row * arguments.K) + first + i] : 0;
        }
    }
}
