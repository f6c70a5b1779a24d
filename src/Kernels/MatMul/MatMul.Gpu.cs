using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of the GPU forms of a matrix product; see <see cref="MatMul"/> for the formula.</summary>
public readonly struct MatMulGpuArguments
{
    /// <summary>A [<see cref="Rows"/>, <see cref="K"/>].</summary>
    public ArrayView<float> A { get; init; }

    /// <summary>Weights [<see cref="Columns"/>, <see cref="K"/>], as <see cref="IGpuElement"/> says.</summary>
    public ArrayView<GpuUInt4> W { get; init; }

    /// <summary>16-byte words of a row of W.</summary>
    public int RowWords { get; init; }

    /// <summary>Bias [<see cref="Columns"/>]; not read unless <see cref="HasBias"/>.</summary>
    public ArrayView<float> Bias { get; init; }

    /// <summary>Residual, laid out as C; may be C; not read unless <see cref="HasResidual"/>.</summary>
    public ArrayView<float> Residual { get; init; }

    /// <summary>The outputs [<see cref="Rows"/>, <see cref="Columns"/>] of these weights, <see cref="CStride"/> floats from row to row.</summary>
    public ArrayView<float> C { get; init; }

    /// <summary>M.</summary>
    public int Rows { get; init; }

    /// <summary>K.</summary>
    public int K { get; init; }

    /// <summary>Groups of <see cref="IGpuElement.GroupWeights"/> columns of W, the last filled up.</summary>
    public int Groups { get; init; }

    /// <summary>N, of these weights.</summary>
    public int Columns { get; init; }

    /// <summary>Floats from a row of C to the next.</summary>
    public int CStride { get; init; }

    /// <summary>
    /// Where only some outputs are wanted (<see cref="HasRowIds"/>): their rows of the whole weight [<see cref="Columns"/>]. W is then
    /// a part of it, and what is not of the part is not written.
    /// </summary>
    public ArrayView<int> RowIds { get; init; }

    /// <summary>1 where only some outputs are wanted.</summary>
    public int HasRowIds { get; init; }

    /// <summary>The first row of the part.</summary>
    public int PartFirstRow { get; init; }

    /// <summary>Rows of the part.</summary>
    public int PartRows { get; init; }

    /// <summary>1 where a bias is added.</summary>
    public int HasBias { get; init; }

    /// <summary>1 where a residual is added.</summary>
    public int HasResidual { get; init; }

    /// <summary>The <see cref="MatMulActivation"/>.</summary>
    public int Activation { get; init; }

    /// <summary>How many groups share the columns of K of one tile of C; more than 1 leave their sums to <see cref="MatMul.GpuCombine"/>.</summary>
    public int Splits { get; init; }

    /// <summary>Of <see cref="Groups"/>, those that one of them sums; the last may have fewer.</summary>
    public int SplitGroups { get; init; }

    /// <summary>The sums [<see cref="Splits"/>, <see cref="Rows"/>, <see cref="Columns"/>]; not used unless there are several.</summary>
    public ArrayView<float> PartialSums { get; init; }
}

/// <content>The GPU form for many rows.</content>
public static unsafe partial class MatMul
{
    /// <summary>Threads of a group of <see cref="GpuTile{TElement, TTile}"/>.</summary>
    public const int GpuTileThreads = 128;

    /// <summary>Outputs of a tile in N.</summary>
    public const int GpuTileColumns = 64;

    /// <summary>Threads of a group of <see cref="GpuCombine"/>.</summary>
    public const int GpuCombineThreads = 256;

    private const int TileDepth = IGpuElement.GroupWeights;

    /// <summary>
    /// A group computes a tile of <see cref="GpuRows{TTile}"/> rows and <see cref="GpuTileColumns"/> columns of C. Half of its
    /// threads bring 32 columns of A into shared memory, the other half widen as many of W; then each thread adds outer
    /// products of 4-vectors to the outputs that it holds in registers. Sums are in ascending order of k. Grid (columns, rows,
    /// splits).
    /// </summary>
    [GpuKernel(GpuTileThreads)]
    public static void GpuTile<TElement, TTile>(MatMulGpuArguments arguments)
        where TElement : struct, IGpuElement
        where TTile : struct, IGpuMatMulTile
    {
        int rows = GpuRows<TTile>();
        int columnThreads = GpuTileColumns / (4 * TTile.ColumnFours);
        int rowThreads = GpuTileThreads / columnThreads;
        // Tiles of A and W; afterwards the tile of C.
        ArrayView<float> shared = SharedMemory.Allocate<float>(GpuTileThreads * GpuTileColumns);
        ArrayView<float> a = shared.SubView(0, TileDepth * GpuTileThreads);
        ArrayView<float> w = shared.SubView(TileDepth * GpuTileThreads, TileDepth * GpuTileColumns);
        ArrayView<GpuFloat4> aFours = a.Cast<GpuFloat4>();
        ArrayView<GpuFloat4> wFours = w.Cast<GpuFloat4>();
        int thread = Group.IdxX;
        int rowThread = thread / columnThreads;
        int columnThread = thread % columnThreads;
        int firstRow = Grid.IdxY * rows;
        int firstColumn = Grid.IdxX * GpuTileColumns;
        float[] sums = new float[16 * TTile.RowFours * TTile.ColumnFours];
        for (int i = 0; i < 16 * TTile.RowFours * TTile.ColumnFours; i++)
            sums[i] = 0;

        int end = EndOfSplit(arguments);
        for (int group = Grid.IdxZ * arguments.SplitGroups; group < end; group++)
        {
            if (thread < GpuTileColumns)
            {
                // Rows and columns behind the last are computed from it and not written.
                int column = Math.Min(firstColumn + thread, arguments.Columns - 1);
                float[] weights = new float[TileDepth];
                TElement.ReadGroup(arguments.W.SubView((long)column * arguments.RowWords, arguments.RowWords), arguments.Groups, group, weights);
                for (int i = 0; i < TileDepth; i++)
                    w[(i * GpuTileColumns) + thread] = weights[i];
            }
            else
            {
                for (int row = thread - GpuTileColumns; row < rows; row += GpuTileColumns)
                    LoadRow(arguments, Math.Min(firstRow + row, arguments.Rows - 1), group * TileDepth, a, row, rows);
            }
            Group.Barrier();
            for (int k = 0; k < TileDepth; k++)
            {
                for (int i = 0; i < TTile.RowFours; i++)
                {
                    GpuFloat4 four = aFours[(k * (rows / 4)) + (i * rowThreads) + rowThread];
                    for (int j = 0; j < TTile.ColumnFours; j++)
                    {
                        GpuFloat4 other = wFours[(k * (GpuTileColumns / 4)) + (j * columnThreads) + columnThread];
                        GpuFloat4.AddOuter(sums, ((16 * i) * TTile.ColumnFours) + (4 * j), 4 * TTile.ColumnFours, four, other);
                    }
                }
            }
            Group.Barrier();
        }

        // Through shared memory, so that neighbouring threads write neighbouring outputs, and activations are compiled once.
        for (int row = 0; row < 4 * TTile.RowFours; row++)
        {
            for (int column = 0; column < 4 * TTile.ColumnFours; column++)
            {
                int tileRow = (row / 4 * 4 * rowThreads) + (4 * rowThread) + (row % 4);
                int tileColumn = (column / 4 * 4 * columnThreads) + (4 * columnThread) + (column % 4);
                shared[(tileRow * GpuTileColumns) + tileColumn] = sums[(row * 4 * TTile.ColumnFours) + column];
            }
        }
        Group.Barrier();
        for (int index = thread; index < rows * GpuTileColumns; index += GpuTileThreads)
        {
            int row = firstRow + (index / GpuTileColumns);
            int column = firstColumn + (index % GpuTileColumns);
            if (row < arguments.Rows && column < arguments.Columns)
                Store(arguments, row, column, shared[index]);
        }
    }

    /// <summary>
    /// C from the sums of groups that shared tiles, added in ascending order of k: the same bits every time. Grid (columns / 256,
    /// rows). Moves 4 MN (splits + 1) bytes.
    /// </summary>
    [GpuKernel(GpuCombineThreads)]
    public static void GpuCombine(MatMulGpuArguments arguments)
    {
        int column = (Grid.IdxX * GpuCombineThreads) + Group.IdxX;
        if (column >= arguments.Columns)
            return;
        long index = ((long)Grid.IdxY * arguments.Columns) + column;
        float sum = 0;
        for (int split = 0; split < arguments.Splits; split++)
            sum += arguments.PartialSums[((long)split * arguments.Rows * arguments.Columns) + index];
        Finish(arguments, Grid.IdxY, column, sum);
    }

    /// <summary>Rows of a tile.</summary>
    public static int GpuRows<TTile>()
        where TTile : struct, IGpuMatMulTile => 4 * TTile.RowFours * (GpuTileThreads / (GpuTileColumns / (4 * TTile.ColumnFours)));

    /// <summary>Brings 32 columns of a row of A into a tile, transposed; zeros behind the last.</summary>
    private static void LoadRow(MatMulGpuArguments arguments, int row, int k, ArrayView<float> a, int tileRow, int tileRows)
    {
        if ((arguments.K & 3) == 0)
        {
            ArrayView<GpuFloat4> fours = arguments.A.Cast<GpuFloat4>();
            long first = ((long)row * (arguments.K / 4)) + (k / 4);
            for (int i = 0; i < TileDepth / 4; i++)
            {
                GpuFloat4 four = default;
                if (k + (4 * i) < arguments.K)
                    four = fours[first + i];
                a[(4 * i * tileRows) + tileRow] = four.X;
                a[(((4 * i) + 1) * tileRows) + tileRow] = four.Y;
                a[(((4 * i) + 2) * tileRows) + tileRow] = four.Z;
                a[(((4 * i) + 3) * tileRows) + tileRow] = four.W;
            }
            return;
        }
        ArrayView<float> source = arguments.A.SubView((long)row * arguments.K, arguments.K);
        for (int i = 0; i < TileDepth; i++)
            a[(i * tileRows) + tileRow] = k + i < arguments.K ? source[k + i] : 0;
    }

    /// <summary>The group of columns behind the last that this group of threads sums.</summary>
    private static int EndOfSplit(MatMulGpuArguments arguments) =>
        Math.Min((Grid.IdxZ + 1) * arguments.SplitGroups, arguments.Groups);

    /// <summary>An output, or what this group has of it.</summary>
    private static void Store(MatMulGpuArguments arguments, int row, int column, float sum)
    {
        if (arguments.Splits > 1)
            arguments.PartialSums[((((long)Grid.IdxZ * arguments.Rows) + row) * arguments.Columns) + column] = sum;
        else
            Finish(arguments, row, column, sum);
    }

    /// <summary>Bias, activation, residual, and the store.</summary>
    private static void Finish(MatMulGpuArguments arguments, int row, int column, float sum)
    {
        if (arguments.HasBias != 0)
            sum += arguments.Bias[column];
        if (arguments.Activation == (int)MatMulActivation.QuickGelu)
            sum = QuickGelu.Gpu(sum);
        if (arguments.Activation == (int)MatMulActivation.Gelu)
            sum = Gelu.Gpu(sum);
        long index = ((long)row * arguments.CStride) + column;
        if (arguments.HasResidual != 0)
            sum += arguments.Residual[index];
        arguments.C[index] = sum;
    }
}
