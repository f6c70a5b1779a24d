using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <content>The GPU forms: tiles of 32 rows, and for few rows a form that splits their positions among groups.</content>
public static unsafe partial class Attention
{
    /// <summary>Rows of a tile of <see cref="Gpu{TElement, THead}"/>.</summary>
    public const int GpuRows = AttentionGpuTile.Rows;

    /// <summary>Rows of a tile of <see cref="GpuTensor{TElement, THead}"/>.</summary>
    public const int GpuTensorRows = AttentionGpuTensor.Rows;

    /// <summary>Positions of a part of <see cref="GpuSplit{TElement, THead}"/>.</summary>
    public const int GpuSplitPositions = 4 * KvLayout.PagePositions;

    /// <summary>The widest head that these kernels take.</summary>
    public const int GpuMaxHeadDim = 128;

    private const int SplitThreads = 128;

    /// <summary>A group 32 rows and a head; grid (rows / 32, heads, runs of one sequence that a tile does side by side).</summary>
    [GpuKernel(AttentionGpuTile.Threads, GroupsPerMultiprocessor = AttentionGpuTile.GroupsPerMultiprocessor)]
    public static void Gpu<TElement, THead>(AttentionGpuArguments arguments)
        where TElement : struct, IGpuKvElement
        where THead : struct, IGpuHeadWidth => AttentionGpuTile.Run<PagedKeys<TElement>, THead>(arguments);

    /// <summary>As <see cref="Gpu{TElement, THead}"/> on tensor cores, a group 64 rows: <see cref="AttentionGpuTensor"/>.</summary>
    [GpuKernel(AttentionGpuTensor.Threads, GroupsPerMultiprocessor = AttentionGpuTensor.GroupsPerMultiprocessor)]
    public static void GpuTensor<TElement, THead>(AttentionGpuArguments arguments)
        where TElement : struct, IGpuKvElement
        where THead : struct, IGpuHeadWidth => AttentionGpuTensor.Run<PagedKeys<TElement>, THead>(arguments);

    /// <summary>
    /// The sums of one row, one head and one part of its positions, not yet divided, and what they are relative to; grid (parts,
    /// heads, rows). A thread has one position while scores are taken (K is transposed: neighbours read neighbours) and one column
    /// while values are summed. Parts behind the row's position are left out.
    /// </summary>
    [GpuKernel(SplitThreads)]
    public static void GpuSplit<TElement, THead>(AttentionGpuArguments arguments)
        where TElement : struct, IGpuKvElement
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<float> query = SharedMemory.Allocate<float>(THead.Columns);
        ArrayView<float> weights = SharedMemory.Allocate<float>(GpuSplitPositions);
        ArrayView<float> shared = SharedMemory.Allocate<float>(SplitThreads);
        int thread = Group.IdxX;
        int head = Grid.IdxY;
        int row = Grid.IdxZ;
        int headDim = arguments.HeadDim;
        int kvHead = head / (arguments.Heads / arguments.KvHeads);
        int first = Grid.IdxX * GpuSplitPositions;
        int count = IntrinsicMath.Min(arguments.Positions[row] + 1 - first, GpuSplitPositions);
        if (count <= 0)
            return;
        int sequence = arguments.Sequences[row];
        int firstPage = first / KvLayout.PagePositions;

        for (int d = thread; d < headDim; d += SplitThreads)
            query[d] = arguments.Qkv[((long)row * arguments.QkvStride) + (head * headDim) + d] * arguments.Scale;
        Group.Barrier();
        float largest = float.NegativeInfinity;
        for (int position = thread; position < count; position += SplitThreads)
        {
            ArrayView<byte> keys = PagedKeys<TElement>.Keys(arguments, sequence, kvHead, firstPage + (position / KvLayout.PagePositions));
            int slot = position % KvLayout.PagePositions;
            float score = 0;
            for (int d = 0; d < headDim; d++)
                score += query[d] * PagedKeys<TElement>.Key(arguments, keys, slot, d);
            weights[position] = score;
            largest = score > largest ? score : largest;
        }
        largest = GpuReduce.Max(shared, largest, SplitThreads);
        float shift = largest == float.NegativeInfinity ? 0 : largest;
        float denominator = 0;
        for (int position = thread; position < count; position += SplitThreads)
        {
            float weight = GpuMath.Exp(weights[position] - shift);
            weights[position] = weight;
            denominator += weight;
        }
        denominator = GpuReduce.Sum(shared, denominator, SplitThreads);

        int column = thread % THead.Columns;
        float sum = 0;
        if (column < headDim)
        {
            for (int page = 0; page * KvLayout.PagePositions < count; page++)
            {
                ArrayView<byte> values = PagedKeys<TElement>.Values(arguments, sequence, kvHead, firstPage + page);
                int positions = IntrinsicMath.Min(count - (page * KvLayout.PagePositions), KvLayout.PagePositions);
                for (int slot = thread / THead.Columns; slot < positions; slot += SplitThreads / THead.Columns)
                    sum += weights[(page * KvLayout.PagePositions) + slot] * PagedKeys<TElement>.Value(arguments, values, slot, column);
            }
        }
        shared[thread] = sum;
        Group.Barrier();
        long part = (((long)row * arguments.Heads) + head) * arguments.Splits + Grid.IdxX;
        if (thread < headDim)
        {
            for (int other = thread + THead.Columns; other < SplitThreads; other += THead.Columns)
                sum += shared[other];
            arguments.PartialSums[(part * headDim) + thread] = sum;
        }
        if (thread == 0)
        {
            arguments.PartialScales[2 * part] = shift;
            arguments.PartialScales[(2 * part) + 1] = denominator;
        }
    }

    /// <summary>
    /// out = (sum over parts of e^(m - M) sums) / (sum of e^(m - M) denominators), m the largest score of a part, M of all: what
    /// <see cref="GpuSplit{TElement, THead}"/> left, put together; grid (heads, rows).
    /// </summary>
    [GpuKernel(SplitThreads)]
    public static void GpuCombine(AttentionGpuArguments arguments)
    {
        int head = Grid.IdxX;
        int row = Grid.IdxY;
        int headDim = arguments.HeadDim;
        int column = Group.IdxX;
        if (column >= headDim)
            return;
        int parts = (arguments.Positions[row] + GpuSplitPositions) / GpuSplitPositions;
        long index = ((long)row * arguments.Heads) + head;
        long first = index * arguments.Splits;
        float largest = float.NegativeInfinity;
        for (int part = 0; part < parts; part++)
        {
            float score = arguments.PartialScales[2 * (first + part)];
            largest = score > largest ? score : largest;
        }
        float sum = 0;
        float denominator = 0;
        for (int part = 0; part < parts; part++)
        {
            float factor = GpuMath.Exp(arguments.PartialScales[2 * (first + part)] - largest);
            denominator += factor * arguments.PartialScales[(2 * (first + part)) + 1];
            sum += factor * arguments.PartialSums[((first + part) * headDim) + column];
        }
        arguments.Output[(index * headDim) + column] = sum / denominator;
    }

    /// <summary>Keys and values in pages, each row up to its own position.</summary>
    private readonly struct PagedKeys<TElement> : IGpuKeys
        where TElement : struct, IGpuKvElement
    {
        public static int Sequence(AttentionGpuArguments arguments, int row) => arguments.Sequences[row];

        public static int Visible(AttentionGpuArguments arguments, int row) => arguments.Positions[row] + 1;

        public static bool KeysAreTransposed => true;

        public static ArrayView<byte> Keys(AttentionGpuArguments arguments, int sequence, int head, int tile) =>
            Tile(arguments, arguments.Keys, sequence, head, tile);

        public static ArrayView<byte> Values(AttentionGpuArguments arguments, int sequence, int head, int tile) =>
            Tile(arguments, arguments.Values, sequence, head, tile);

        public static float Key(AttentionGpuArguments arguments, ArrayView<byte> keys, int position, int d) =>
            TElement.Read(keys, arguments.HeadDim, (d * KvLayout.PagePositions) + position, position);

        public static float Value(AttentionGpuArguments arguments, ArrayView<byte> values, int position, int d) =>
            TElement.Read(values, arguments.HeadDim, (position * arguments.HeadDim) + d, position);

        private static ArrayView<byte> Tile(AttentionGpuArguments arguments, ArrayView<byte> pool, int sequence, int head, int tile)
        {
            int page = arguments.PageTable[((long)sequence * arguments.MaxPages) + tile];
            int bytes = TElement.TileBytes(arguments.HeadDim);
            return pool.SubView((((long)page * arguments.KvHeads) + head) * bytes, bytes);
        }
    }
}
