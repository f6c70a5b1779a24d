using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <content>The form for tensor cores and up to 64 rows of A, which the memory's bandwidth bounds.</content>
public static unsafe partial class MatMul
{
    /// <summary>Rows of C of a group of <see cref="GpuTensorLow"/>; columns are <see cref="GpuTensorTile"/>.</summary>
    public const int GpuTensorLowRows = 64;

    private const int LowStages = 4;
    private const int LowTileBytes = GpuTensorLowRows * MatMulFragments.TileDepth * 2;
    private const int LowStageBytes = LowTileBytes + MatMulFragments.TileBytes;

    /// <summary>
    /// As <see cref="GpuTensor"/> for a tile of 64 rows: half of the products and of what is read from shared memory, and in the place of
    /// the other half of A a fourth stage, so that a group has 24 KB of weights on their way. A warp has 32 x 32 outputs.
    /// </summary>
    [GpuKernel(GpuTensorThreads)]
    public static void GpuTensorLow(MatMulTensorGpuArguments arguments)
    {
        ArrayView<GpuUInt4> memory = SharedMemory.Allocate<GpuUInt4>(LowStages * LowStageBytes / 16);
        int shared = GpuInstructions.SharedAddress(ref memory[0]);
        int thread = Group.IdxX;
        int lane = thread & 31;
        int warpRow = (thread >> 5) & 1;
        int warpColumn = thread >> 6;
        int firstGroup = Grid.IdxZ * arguments.Product.SplitGroups;
        int groups = EndOfSplit(arguments.Product) - firstGroup;

        // A thread copies an eight of a row of A and of two rows of W.
        int row = thread >> 2;
        int eight = thread & 3;
        int rowBytes = arguments.Product.Groups * MatMulFragments.TileDepth * 2;
        int firstByte = (firstGroup * MatMulFragments.TileDepth * 2) + (eight * 16);
        int firstColumn = Grid.IdxX * GpuTensorTile;
        long a = arguments.A + ((long)Math.Min((Grid.IdxY * GpuTensorLowRows) + row, arguments.Product.Rows - 1) * rowBytes) + firstByte;
        long w0 = arguments.W + ((long)Math.Min(firstColumn + row, arguments.Product.Columns - 1) * rowBytes) + firstByte;
        long w1 = arguments.W + ((long)Math.Min(firstColumn + row + 64, arguments.Product.Columns - 1) * rowBytes) + firstByte;
        int target = shared + MatMulFragments.Offset(row, eight);
        CopyLow(target, a, w0, w1, 0);
        if (groups > 1)
            CopyLow(target + LowStageBytes, a, w0, w1, 1);
        else
            GpuInstructions.CommitCopies();
        if (groups > 2)
            CopyLow(target + (2 * LowStageBytes), a, w0, w1, 2);
        else
            GpuInstructions.CommitCopies();

        GpuFloat4 c00 = default, c01 = default, c02 = default, c03 = default;
        GpuFloat4 c10 = default, c11 = default, c12 = default, c13 = default;
        int read = 0;
        int write = 3;
        for (int group = 0; group < groups; group++)
        {
            GpuInstructions.WaitForAllButTwo();
            Group.Barrier();
            if (group + 3 < groups)
                CopyLow(target + (write * LowStageBytes), a, w0, w1, group + 3);
            else
                GpuInstructions.CommitCopies();
            int stage = shared + (read * LowStageBytes);
            MultiplyLow(stage, 0, lane, warpRow, warpColumn, ref c00, ref c01, ref c02, ref c03, ref c10, ref c11, ref c12, ref c13);
            MultiplyLow(stage, 2, lane, warpRow, warpColumn, ref c00, ref c01, ref c02, ref c03, ref c10, ref c11, ref c12, ref c13);
            read = read == LowStages - 1 ? 0 : read + 1;
            write = write == LowStages - 1 ? 0 : write + 1;
        }

        GpuInstructions.WaitForAll();
        Group.Barrier();
        ArrayView<float> staged = memory.Cast<float>();
        int at = (((warpRow * 32) + MatMulFragments.CRow(lane)) * StagedStride) + (warpColumn * 32) + MatMulFragments.CColumn(lane);
        StageFragments(staged, at, c00, c01, c02, c03);
        StageFragments(staged, at + (16 * StagedStride), c10, c11, c12, c13);
        Group.Barrier();
        for (int index = thread; index < GpuTensorLowRows * GpuTensorTile; index += GpuTensorThreads)
        {
            int outputRow = (Grid.IdxY * GpuTensorLowRows) + (index / GpuTensorTile);
            int column = firstColumn + (index % GpuTensorTile);
            if (outputRow < arguments.Product.Rows && column < arguments.Product.Columns)
                Store(arguments.Product, outputRow, column, staged[(index / GpuTensorTile * StagedStride) + (index % GpuTensorTile)]);
        }
    }

    private static void CopyLow(int target, long a, long w0, long w1, int group)
    {
        long column = (long)group * (MatMulFragments.TileDepth * 2);
        GpuInstructions.CopyAsync(target, a + column);
        GpuInstructions.CopyAsync(target + LowTileBytes, w0 + column);
        GpuInstructions.CopyAsync(target + LowTileBytes + (64 * MatMulFragments.TileDepth * 2), w1 + column);
        GpuInstructions.CommitCopies();
    }

    /// <summary>A warp's 32 x 32 outputs and the sixteen columns from 8 <paramref name="eight"/> on: 8 mma.</summary>
    private static void MultiplyLow(
        int stage, int eight, int lane, int warpRow, int warpColumn,
        ref GpuFloat4 c00, ref GpuFloat4 c01, ref GpuFloat4 c02, ref GpuFloat4 c03,
        ref GpuFloat4 c10, ref GpuFloat4 c11, ref GpuFloat4 c12, ref GpuFloat4 c13)
    {
        int a = stage + MatMulFragments.Offset((warpRow * 32) + MatMulFragments.ARow(lane), eight + MatMulFragments.AEight(lane));
        int w = stage + LowTileBytes + MatMulFragments.Offset((warpColumn * 32) + MatMulFragments.BRow(lane), eight + MatMulFragments.BEight(lane));
        GpuUInt4 low = GpuInstructions.LoadMatrices(w);
        GpuUInt4 high = GpuInstructions.LoadMatrices(w + SixteenRows);
        MultiplyRow(ref c00, ref c01, ref c02, ref c03, GpuInstructions.LoadMatrices(a), low, high);
        MultiplyRow(ref c10, ref c11, ref c12, ref c13, GpuInstructions.LoadMatrices(a + SixteenRows), low, high);
    }
}
