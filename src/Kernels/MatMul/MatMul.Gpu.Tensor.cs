using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="MatMul.GpuHalves"/>.</summary>
public readonly struct HalvesGpuArguments
{
    /// <summary>A [rows, <see cref="K"/>].</summary>
    public ArrayView<float> A { get; init; }

    /// <summary>A in fp16, [rows, <see cref="Groups"/> * 32], filled up with zeros.</summary>
    public ArrayView<GpuUInt4> Halves { get; init; }

    /// <summary>Rows.</summary>
    public int Rows { get; init; }

    /// <summary>K.</summary>
    public int K { get; init; }

    /// <summary>Groups of 32 columns of a row of the result.</summary>
    public int Groups { get; init; }
}

/// <summary>The operands of <see cref="MatMul.GpuTensor"/> and <see cref="MatMul.GpuTensorWidened{TElement}"/>.</summary>
public readonly struct MatMulTensorGpuArguments
{
    /// <summary>The operands of every other form; A of it is not read.</summary>
    public MatMulGpuArguments Product { get; init; }

    /// <summary>A in fp16, rows of 64 bytes a group.</summary>
    public ArrayView<GpuUInt4> Halves { get; init; }

    /// <summary>The address of <see cref="Halves"/>, for copies that pass by the registers.</summary>
    public long A { get; init; }

    /// <summary>The address of W.</summary>
    public long W { get; init; }
}

/// <content>The form for tensor cores: CUDA from sm_80 on.</content>
public static unsafe partial class MatMul
{
    /// <summary>Threads of a group of <see cref="GpuTensor"/>: eight warps, two by four.</summary>
    public const int GpuTensorThreads = 256;

    /// <summary>Rows and columns of C of a group.</summary>
    public const int GpuTensorTile = MatMulFragments.TileRows;

    /// <summary>Threads of a group of <see cref="GpuHalves"/>.</summary>
    public const int GpuHalvesThreads = 128;

    private const int Stages = 3;
    private const int StageBytes = 2 * MatMulFragments.TileBytes;

    // Half a tile of C goes through shared memory; 8 floats more a row, so that the rows of a fragment use different banks.
    private const int StagedRows = GpuTensorTile / 2;
    private const int StagedStride = GpuTensorTile + 8;

    /// <summary>A rounded to fp16, for <see cref="GpuTensor"/>; what is beyond the largest number becomes it. A thread 8 numbers.</summary>
    [GpuKernel(GpuHalvesThreads)]
    public static void GpuHalves(HalvesGpuArguments arguments)
    {
        long index = ((long)Grid.IdxX * GpuHalvesThreads) + Group.IdxX;
        int perRow = arguments.Groups * 4;
        if (index >= (long)arguments.Rows * perRow)
            return;
        long row = index / perRow;
        int column = (int)(index % perRow) * 8;
        ArrayView<float> a = arguments.A.SubView(row * arguments.K, arguments.K);
        GpuUInt4 eight;
        eight.X = Pair(a, column, arguments.K);
        eight.Y = Pair(a, column + 2, arguments.K);
        eight.Z = Pair(a, column + 4, arguments.K);
        eight.W = Pair(a, column + 6, arguments.K);
        arguments.Halves[index] = eight;
    }

    /// <summary>
    /// fp16 weights. A group computes 128 x 128 outputs. Three stages of 32 columns of A and W are on their way to shared memory by cp.async;
    /// a warp has 64 x 32 outputs in registers and adds to them by mma.m16n8k16, fp32 sums in ascending order of k by sixteens.
    /// Grid (columns, rows, splits). Moves 2MK + bytes(W) + 4MN bytes at least.
    /// </summary>
    [GpuKernel(GpuTensorThreads)]
    public static void GpuTensor(MatMulTensorGpuArguments arguments)
    {
        ArrayView<GpuUInt4> memory = SharedMemory.Allocate<GpuUInt4>(Stages * StageBytes / 16);
        int shared = GpuInstructions.SharedAddress(ref memory[0]);
        int thread = Group.IdxX;
        int lane = thread & 31;
        int warpRow = (thread >> 5) & 1;
        int warpColumn = thread >> 6;
        int firstRow = Grid.IdxY * GpuTensorTile;
        int firstColumn = Grid.IdxX * GpuTensorTile;
        int firstGroup = Grid.IdxZ * arguments.Product.SplitGroups;
        int groups = EndOfSplit(arguments.Product) - firstGroup;

        // A thread copies an eight of two rows of each tile. Rows behind the last are computed from it and not written.
        int row = thread >> 2;
        int eight = thread & 3;
        int rowBytes = arguments.Product.Groups * MatMulFragments.TileDepth * 2;
        int firstByte = (firstGroup * MatMulFragments.TileDepth * 2) + (eight * 16);
        long a0 = arguments.A + ((long)Math.Min(firstRow + row, arguments.Product.Rows - 1) * rowBytes) + firstByte;
        long a1 = arguments.A + ((long)Math.Min(firstRow + row + 64, arguments.Product.Rows - 1) * rowBytes) + firstByte;
        long w0 = arguments.W + ((long)Math.Min(firstColumn + row, arguments.Product.Columns - 1) * rowBytes) + firstByte;
        long w1 = arguments.W + ((long)Math.Min(firstColumn + row + 64, arguments.Product.Columns - 1) * rowBytes) + firstByte;
        int target = shared + MatMulFragments.Offset(row, eight);
        Copy(target, a0, a1, w0, w1, 0);
        if (groups > 1)
            Copy(target + StageBytes, a0, a1, w0, w1, 1);
        else
            GpuInstructions.CommitCopies();

        GpuFloat4 c00 = default, c01 = default, c02 = default, c03 = default;
        GpuFloat4 c10 = default, c11 = default, c12 = default, c13 = default;
        GpuFloat4 c20 = default, c21 = default, c22 = default, c23 = default;
        GpuFloat4 c30 = default, c31 = default, c32 = default, c33 = default;
        int read = 0;
        int write = 2;
        for (int group = 0; group < groups; group++)
        {
            GpuInstructions.WaitForAllButOne();
            Group.Barrier();
            if (group + 2 < groups)
                Copy(target + (write * StageBytes), a0, a1, w0, w1, group + 2);
            else
                GpuInstructions.CommitCopies();
            int stage = shared + (read * StageBytes);
            MultiplyStage(
                stage, lane, warpRow, warpColumn,
                ref c00, ref c01, ref c02, ref c03,
                ref c10, ref c11, ref c12, ref c13,
                ref c20, ref c21, ref c22, ref c23,
                ref c30, ref c31, ref c32, ref c33);
            read = read == Stages - 1 ? 0 : read + 1;
            write = write == Stages - 1 ? 0 : write + 1;
        }

        GpuInstructions.WaitForAll();
        Group.Barrier();
        WriteTile(
            arguments.Product, memory.Cast<float>(),
            c00, c01, c02, c03,
            c10, c11, c12, c13,
            c20, c21, c22, c23,
            c30, c31, c32, c33);
    }

    /// <summary>
    /// As <see cref="GpuTensor"/> for weights of any type: while a stage is multiplied, half of the threads widen the next 32 columns
    /// of a row of W each and round them to fp16, the other half bring A.
    /// </summary>
    [GpuKernel(GpuTensorThreads)]
    public static void GpuTensorWidened<TElement>(MatMulTensorGpuArguments arguments)
        where TElement : struct, IGpuElement
    {
        ArrayView<GpuUInt4> memory = SharedMemory.Allocate<GpuUInt4>(StagedRows * StagedStride / 4);
        int shared = GpuInstructions.SharedAddress(ref memory[0]);
        int thread = Group.IdxX;
        int lane = thread & 31;
        int warpRow = (thread >> 5) & 1;
        int warpColumn = thread >> 6;
        int firstGroup = Grid.IdxZ * arguments.Product.SplitGroups;
        int groups = EndOfSplit(arguments.Product);
        GpuFloat4 c00 = default, c01 = default, c02 = default, c03 = default;
        GpuFloat4 c10 = default, c11 = default, c12 = default, c13 = default;
        GpuFloat4 c20 = default, c21 = default, c22 = default, c23 = default;
        GpuFloat4 c30 = default, c31 = default, c32 = default, c33 = default;
        GpuUInt4 r0 = default, r1 = default, r2 = default, r3 = default;
        ReadTileRow<TElement>(arguments, firstGroup, ref r0, ref r1, ref r2, ref r3);
        StoreTileRow(memory, firstGroup & 1, r0, r1, r2, r3);
        Group.Barrier();
        for (int group = firstGroup; group < groups; group++)
        {
            if (group + 1 < groups)
                ReadTileRow<TElement>(arguments, group + 1, ref r0, ref r1, ref r2, ref r3);
            MultiplyStage(
                shared + ((group & 1) * StageBytes), lane, warpRow, warpColumn,
                ref c00, ref c01, ref c02, ref c03,
                ref c10, ref c11, ref c12, ref c13,
                ref c20, ref c21, ref c22, ref c23,
                ref c30, ref c31, ref c32, ref c33);
            // The other stage was read before the last barrier.
            StoreTileRow(memory, (group + 1) & 1, r0, r1, r2, r3);
            Group.Barrier();
        }
        WriteTile(
            arguments.Product, memory.Cast<float>(),
            c00, c01, c02, c03,
            c10, c11, c12, c13,
            c20, c21, c22, c23,
            c30, c31, c32, c33);
    }

    /// <summary>A row of a tile of W (the first 128 threads) or of A, as fp16. Rows behind the last are the last.</summary>
    private static void ReadTileRow<TElement>(
        MatMulTensorGpuArguments arguments, int group, ref GpuUInt4 r0, ref GpuUInt4 r1, ref GpuUInt4 r2, ref GpuUInt4 r3)
        where TElement : struct, IGpuElement
    {
        if (Group.IdxX < GpuTensorTile)
        {
            int column = Math.Min((Grid.IdxX * GpuTensorTile) + Group.IdxX, arguments.Product.Columns - 1);
            float[] weights = new float[IGpuElement.GroupWeights];
            TElement.ReadGroup(
                arguments.Product.W.SubView((long)column * arguments.Product.RowWords, arguments.Product.RowWords), arguments.Product.Groups, group, weights);
            r0 = Eight(weights, 0);
            r1 = Eight(weights, 8);
            r2 = Eight(weights, 16);
            r3 = Eight(weights, 24);
        }
        else
        {
            long row = Math.Min((Grid.IdxY * GpuTensorTile) + Group.IdxX - GpuTensorTile, arguments.Product.Rows - 1);
            long first = (row * arguments.Product.Groups * 4) + (group * 4);
            r0 = arguments.Halves[first];
            r1 = arguments.Halves[first + 1];
            r2 = arguments.Halves[first + 2];
            r3 = arguments.Halves[first + 3];
        }
    }

    private static GpuUInt4 Eight(float[] weights, int first) => new()
    {
        X = GpuInstructions.Halves(weights[first], weights[first + 1]),
        Y = GpuInstructions.Halves(weights[first + 2], weights[first + 3]),
        Z = GpuInstructions.Halves(weights[first + 4], weights[first + 5]),
        W = GpuInstructions.Halves(weights[first + 6], weights[first + 7]),
    };

    private static void StoreTileRow(ArrayView<GpuUInt4> memory, int stage, GpuUInt4 r0, GpuUInt4 r1, GpuUInt4 r2, GpuUInt4 r3)
    {
        int row = Group.IdxX & (GpuTensorTile - 1);
        int tile = (stage * StageBytes) + (Group.IdxX < GpuTensorTile ? MatMulFragments.TileBytes : 0);
        memory[(tile + MatMulFragments.Offset(row, 0)) / 16] = r0;
        memory[(tile + MatMulFragments.Offset(row, 1)) / 16] = r1;
        memory[(tile + MatMulFragments.Offset(row, 2)) / 16] = r2;
        memory[(tile + MatMulFragments.Offset(row, 3)) / 16] = r3;
    }

    /// <summary>A warp's 64 x 32 outputs and 32 columns: 32 mma.</summary>
    private static void MultiplyStage(
        int stage, int lane, int warpRow, int warpColumn,
        ref GpuFloat4 c00, ref GpuFloat4 c01, ref GpuFloat4 c02, ref GpuFloat4 c03,
        ref GpuFloat4 c10, ref GpuFloat4 c11, ref GpuFloat4 c12, ref GpuFloat4 c13,
        ref GpuFloat4 c20, ref GpuFloat4 c21, ref GpuFloat4 c22, ref GpuFloat4 c23,
        ref GpuFloat4 c30, ref GpuFloat4 c31, ref GpuFloat4 c32, ref GpuFloat4 c33)
    {
        int aRow = (warpRow * 64) + MatMulFragments.ARow(lane);
        int wRow = (warpColumn * 32) + MatMulFragments.BRow(lane);
        int a = stage + MatMulFragments.Offset(aRow, MatMulFragments.AEight(lane));
        int w = stage + MatMulFragments.TileBytes + MatMulFragments.Offset(wRow, MatMulFragments.BEight(lane));
        GpuUInt4 low = GpuInstructions.LoadMatrices(w);
        GpuUInt4 high = GpuInstructions.LoadMatrices(w + SixteenRows);
        MultiplyRow(ref c00, ref c01, ref c02, ref c03, GpuInstructions.LoadMatrices(a), low, high);
        MultiplyRow(ref c10, ref c11, ref c12, ref c13, GpuInstructions.LoadMatrices(a + SixteenRows), low, high);
        MultiplyRow(ref c20, ref c21, ref c22, ref c23, GpuInstructions.LoadMatrices(a + (2 * SixteenRows)), low, high);
        MultiplyRow(ref c30, ref c31, ref c32, ref c33, GpuInstructions.LoadMatrices(a + (3 * SixteenRows)), low, high);
        a = stage + MatMulFragments.Offset(aRow, 2 + MatMulFragments.AEight(lane));
        w = stage + MatMulFragments.TileBytes + MatMulFragments.Offset(wRow, 2 + MatMulFragments.BEight(lane));
        low = GpuInstructions.LoadMatrices(w);
        high = GpuInstructions.LoadMatrices(w + SixteenRows);
        MultiplyRow(ref c00, ref c01, ref c02, ref c03, GpuInstructions.LoadMatrices(a), low, high);
        MultiplyRow(ref c10, ref c11, ref c12, ref c13, GpuInstructions.LoadMatrices(a + SixteenRows), low, high);
        MultiplyRow(ref c20, ref c21, ref c22, ref c23, GpuInstructions.LoadMatrices(a + (2 * SixteenRows)), low, high);
        MultiplyRow(ref c30, ref c31, ref c32, ref c33, GpuInstructions.LoadMatrices(a + (3 * SixteenRows)), low, high);
    }

    /// <summary>Writes a group's tile through shared memory, 64 rows at a time, so that neighbouring threads write neighbouring outputs.</summary>
    private static void WriteTile(
        MatMulGpuArguments product, ArrayView<float> staged,
        GpuFloat4 c00, GpuFloat4 c01, GpuFloat4 c02, GpuFloat4 c03,
        GpuFloat4 c10, GpuFloat4 c11, GpuFloat4 c12, GpuFloat4 c13,
        GpuFloat4 c20, GpuFloat4 c21, GpuFloat4 c22, GpuFloat4 c23,
        GpuFloat4 c30, GpuFloat4 c31, GpuFloat4 c32, GpuFloat4 c33)
    {
        int thread = Group.IdxX;
        int lane = thread & 31;
        for (int half = 0; half < 2; half++)
        {
            if (((thread >> 5) & 1) == half)
            {
                int at = (MatMulFragments.CRow(lane) * StagedStride) + ((thread >> 6) * 32) + MatMulFragments.CColumn(lane);
                StageFragments(staged, at, c00, c01, c02, c03);
                StageFragments(staged, at + (16 * StagedStride), c10, c11, c12, c13);
                StageFragments(staged, at + (32 * StagedStride), c20, c21, c22, c23);
                StageFragments(staged, at + (48 * StagedStride), c30, c31, c32, c33);
            }
            Group.Barrier();
            for (int index = thread; index < StagedRows * GpuTensorTile; index += GpuTensorThreads)
            {
                int row = (Grid.IdxY * GpuTensorTile) + (half * StagedRows) + (index / GpuTensorTile);
                int column = (Grid.IdxX * GpuTensorTile) + (index % GpuTensorTile);
                if (row < product.Rows && column < product.Columns)
                    Store(product, row, column, staged[(index / GpuTensorTile * StagedStride) + (index % GpuTensorTile)]);
            }
            Group.Barrier();
        }
    }

    // Sixteen rows further the exchange of columns is the same.
    private const int SixteenRows = 16 * MatMulFragments.TileDepth * 2;

    private static uint Pair(ArrayView<float> a, int column, int k)
    {
        float low = column < k ? a[column] : 0;
        float high = column + 1 < k ? a[column + 1] : 0;
        return GpuInstructions.ClampedHalves(low, high);
    }

    private static void Copy(int target, long a0, long a1, long w0, long w1, int group)
    {
        const int Rows64 = 64 * MatMulFragments.TileDepth * 2;
        long column = (long)group * (MatMulFragments.TileDepth * 2);
        GpuInstructions.CopyAsync(target, a0 + column);
        GpuInstructions.CopyAsync(target + Rows64, a1 + column);
        GpuInstructions.CopyAsync(target + MatMulFragments.TileBytes, w0 + column);
        GpuInstructions.CopyAsync(target + MatMulFragments.TileBytes + Rows64, w1 + column);
        GpuInstructions.CommitCopies();
    }

    /// <summary>Sixteen rows of A by four times eight rows of W.</summary>
    private static void MultiplyRow(
        ref GpuFloat4 c0, ref GpuFloat4 c1, ref GpuFloat4 c2, ref GpuFloat4 c3, GpuUInt4 a, GpuUInt4 low, GpuUInt4 high)
    {
        c0 = GpuInstructions.MultiplyAdd(c0, a, new GpuUInt2 { X = low.X, Y = low.Y });
        c1 = GpuInstructions.MultiplyAdd(c1, a, new GpuUInt2 { X = low.Z, Y = low.W });
        c2 = GpuInstructions.MultiplyAdd(c2, a, new GpuUInt2 { X = high.X, Y = high.Y });
        c3 = GpuInstructions.MultiplyAdd(c3, a, new GpuUInt2 { X = high.Z, Y = high.W });
    }

    private static void StageFragments(ArrayView<float> staged, int at, GpuFloat4 c0, GpuFloat4 c1, GpuFloat4 c2, GpuFloat4 c3)
    {
        StageFragment(staged, at, c0);
        StageFragment(staged, at + 8, c1);
        StageFragment(staged, at + 16, c2);
        StageFragment(staged, at + 24, c3);
    }

    private static void StageFragment(ArrayView<float> staged, int at, GpuFloat4 c)
    {
        staged[at] = c.X;
        staged[at + 1] = c.Y;
        staged[at + (8 * StagedStride)] = c.Z;
        staged[at + (8 * StagedStride) + 1] = c.W;
    }
}
