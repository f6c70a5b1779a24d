using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The columns that a head is padded to with zeros, so that its sums have fixed places in registers.</summary>
public interface IGpuHeadWidth
{
    /// <summary>A multiple of 64.</summary>
    static abstract int Columns { get; }
}

/// <summary>Heads of up to 64 columns.</summary>
public readonly struct GpuHead64 : IGpuHeadWidth
{
    /// <inheritdoc/>
    public static int Columns => 64;
}

/// <summary>Heads of up to 128 columns.</summary>
public readonly struct GpuHead128 : IGpuHeadWidth
{
    /// <inheritdoc/>
    public static int Columns => 128;
}

/// <summary>Where a tile of attention finds its keys and values, 64 positions at a time.</summary>
internal interface IGpuKeys
{
    /// <summary>Rows of one number see the same keys; they are neighbours.</summary>
    static abstract int Sequence(AttentionGpuArguments arguments, int row);

    /// <summary>How many positions a row sees, the first ones.</summary>
    static abstract int Visible(AttentionGpuArguments arguments, int row);

    /// <summary>Whether the keys of a tile lie as [columns][positions], and not as [positions][columns].</summary>
    static abstract bool KeysAreTransposed { get; }

    /// <summary>Keys of positions 64 <paramref name="tile"/> and on, as <see cref="Key"/> reads them.</summary>
    static abstract ArrayView<byte> Keys(AttentionGpuArguments arguments, int sequence, int head, int tile);

    /// <summary>Values of the same positions, as <see cref="Value"/> reads them.</summary>
    static abstract ArrayView<byte> Values(AttentionGpuArguments arguments, int sequence, int head, int tile);

    /// <summary>Column <paramref name="d"/> of the key of a position 0…63 of a tile.</summary>
    static abstract float Key(AttentionGpuArguments arguments, ArrayView<byte> keys, int position, int d);

    /// <summary>Column <paramref name="d"/> of the value of a position 0…63 of a tile.</summary>
    static abstract float Value(AttentionGpuArguments arguments, ArrayView<byte> values, int position, int d);
}

/// <summary>
/// The tile that both attentions share: softmax(q kᵀ / sqrt(headDim)) v of 32 rows and one head, with the softmax taken online
/// over 64 positions at a time (Dao et al., arXiv 2205.14135), so that scores never leave the chip.
/// <para>128 threads: thread (tx, ty), tx in 0…15, ty in 0…7, holds 4 x 4 scores (rows 4 ty, positions 4 tx) and the sums of its
/// four rows for columns 4 tx + 64 j. Shared memory, 256 columns' worth at most: the queries transposed [columns][32], the
/// weights [64][32], and a chunk of 8 KB of keys [32][64] or values [positions][columns].</para>
/// <para>A NaN in V reaches the rows of its tile that stand before it in the same page too.</para>
/// </summary>
internal static class AttentionGpuTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 32;

    /// <summary>Threads of its group.</summary>
    public const int Threads = 128;

    /// <summary>
    /// Groups on a multiprocessor: up to 128 registers a thread. Without the wish ptxas takes 80 to 96 and keeps some numbers in memory.
    /// </summary>
    public const int GroupsPerMultiprocessor = 4;

    private const int Positions = KvLayout.PagePositions;
    private const int ThreadColumns = 16;
    private const int ChunkFloats = 2048;
    private const int KeyChunk = ChunkFloats / Positions;

    /// <summary>
    /// The rows [32 x, 32 x + 32) of head y; of the runs of rows of one sequence among them, every gridDim.z-th from z on.
    /// </summary>
    public static void Run<TKeys, THead>(AttentionGpuArguments arguments)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<GpuFloat4> query = SharedMemory.Allocate<GpuFloat4>(THead.Columns * Rows / 4);
        ArrayView<GpuFloat4> weights = SharedMemory.Allocate<GpuFloat4>(Positions * Rows / 4);
        ArrayView<GpuFloat4> chunk = SharedMemory.Allocate<GpuFloat4>(ChunkFloats / 4);
        int first = Grid.IdxX * Rows;
        int end = IntrinsicMath.Min(first + Rows, arguments.Rows);
        int head = Grid.IdxY;
        LoadQueries<THead>(arguments, query.Cast<float>(), first, end, head);

        int run = 0;
        for (int start = first; start < end;)
        {
            int sequence = TKeys.Sequence(arguments, start);
            int stop = EndOfRun<TKeys>(arguments, start, end, sequence);
            if (run % Grid.DimZ == Grid.IdxZ)
                Attend<TKeys, THead>(arguments, query, weights, chunk, first, start, stop, sequence, head);
            run++;
            start = stop;
        }
    }

    /// <summary>The row behind the last of a sequence's, of the rows of a tile.</summary>
    public static int EndOfRun<TKeys>(AttentionGpuArguments arguments, int start, int end, int sequence)
        where TKeys : struct, IGpuKeys
    {
        int stop = start + 1;
        while (stop < end && TKeys.Sequence(arguments, stop) == sequence)
            stop++;
        return stop;
    }

    private static void LoadQueries<THead>(AttentionGpuArguments arguments, ArrayView<float> query, int first, int end, int head)
        where THead : struct, IGpuHeadWidth
    {
        int row = first + (Group.IdxX % Rows);
        for (int d = Group.IdxX / Rows; d < THead.Columns; d += Threads / Rows)
        {
            bool inside = row < end && d < arguments.HeadDim;
            query[(d * Rows) + (Group.IdxX % Rows)] =
                inside ? arguments.Qkv[((long)row * arguments.QkvStride) + (head * arguments.HeadDim) + d] * arguments.Scale : 0;
        }
    }

    private static void Attend<TKeys, THead>(
        AttentionGpuArguments arguments,
        ArrayView<GpuFloat4> query,
        ArrayView<GpuFloat4> weights,
        ArrayView<GpuFloat4> chunk,
        int first,
        int start,
        int stop,
        int sequence,
        int head)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        int tx = Group.IdxX % ThreadColumns;
        int ty = Group.IdxX / ThreadColumns;
        int kvHead = head / (arguments.Heads / arguments.KvHeads);
        var visible = new int[4];
        var largest = new float[4];
        var denominators = new float[4];
        var sums = new float[THead.Columns / 4];
        for (int i = 0; i < 4; i++)
        {
            int row = first + (4 * ty) + i;
            visible[i] = row >= start && row < stop ? TKeys.Visible(arguments, row) : 0;
            largest[i] = float.NegativeInfinity;
            denominators[i] = 0;
        }
        for (int i = 0; i < THead.Columns / 4; i++)
            sums[i] = 0;

        int positions = TKeys.Visible(arguments, stop - 1);
        for (int tile = 0; tile * Positions < positions; tile++)
        {
            int inTile = IntrinsicMath.Min(positions - (tile * Positions), Positions);
            var scores = new float[16];
            for (int i = 0; i < 16; i++)
                scores[i] = 0;
            AddScores<TKeys, THead>(arguments, TKeys.Keys(arguments, sequence, kvHead, tile), query, chunk, inTile, scores);
            for (int i = 0; i < 4; i++)
            {
                for (int j = 0; j < 4; j++)
                {
                    if ((tile * Positions) + (4 * tx) + j >= visible[i])
                        scores[(4 * i) + j] = float.NegativeInfinity;
                }
            }
            Softmax<THead>(weights, scores, largest, denominators, sums);
            AddValues<TKeys, THead>(arguments, TKeys.Values(arguments, sequence, kvHead, tile), weights, chunk, inTile, sums);
        }
        Write<THead>(arguments, weights.Cast<float>(), first, start, stop, head, denominators, sums);
    }

    /// <summary>scores += q kᵀ, 32 columns of a head at a time.</summary>
    private static void AddScores<TKeys, THead>(
        AttentionGpuArguments arguments, ArrayView<byte> keys, ArrayView<GpuFloat4> query, ArrayView<GpuFloat4> chunk, int inTile, float[] scores)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<float> chunkFloats = chunk.Cast<float>();
        int tx = Group.IdxX % ThreadColumns;
        int ty = Group.IdxX / ThreadColumns;
        for (int d0 = 0; d0 < THead.Columns; d0 += KeyChunk)
        {
            Group.Barrier();
            for (int i = 0; i < ChunkFloats / Threads; i++)
            {
                int element = (i * Threads) + Group.IdxX;
                int d = d0 + (element / Positions);
                int position = element % Positions;
                bool inside = position < inTile && d < arguments.HeadDim;
                chunkFloats[element] = inside ? TKeys.Key(arguments, keys, position, d) : 0;
            }
            Group.Barrier();
            for (int d = 0; d < KeyChunk; d++)
                GpuFloat4.AddOuter(scores, 0, 4, query[((d0 + d) * (Rows / 4)) + ty], chunk[(d * (Positions / 4)) + tx]);
        }
    }

    /// <summary>
    /// Turns scores into weights e^(score - largest), written to <paramref name="weights"/> as [position][row], and brings what was
    /// summed so far to the new largest score of each row.
    /// </summary>
    private static void Softmax<THead>(ArrayView<GpuFloat4> weights, float[] scores, float[] largest, float[] denominators, float[] sums)
        where THead : struct, IGpuHeadWidth
    {
        int tx = Group.IdxX % ThreadColumns;
        int ty = Group.IdxX / ThreadColumns;
        ArrayView<float> largestOfThreads = weights.Cast<float>();
        for (int i = 0; i < 4; i++)
        {
            float mine = float.NegativeInfinity;
            for (int j = 0; j < 4; j++)
                mine = scores[(4 * i) + j] > mine ? scores[(4 * i) + j] : mine;
            largestOfThreads[(((4 * ty) + i) * ThreadColumns) + tx] = mine;
        }
        Group.Barrier();
        for (int i = 0; i < 4; i++)
        {
            float highest = largest[i];
            for (int j = 0; j < ThreadColumns / 4; j++)
            {
                GpuFloat4 four = weights[(((4 * ty) + i) * (ThreadColumns / 4)) + j];
                highest = four.X > highest ? four.X : highest;
                highest = four.Y > highest ? four.Y : highest;
                highest = four.Z > highest ? four.Z : highest;
                highest = four.W > highest ? four.W : highest;
            }
            // A row that sees nothing yet has no largest score; e^(-infinity - 0) is the 0 that it needs.
            float shift = highest == float.NegativeInfinity ? 0 : highest;
            float factor = GpuMath.Exp(largest[i] - shift);
            largest[i] = highest;
            float sum = 0;
            for (int j = 0; j < 4; j++)
            {
                float weight = GpuMath.Exp(scores[(4 * i) + j] - shift);
                scores[(4 * i) + j] = weight;
                sum += weight;
            }
            denominators[i] = (denominators[i] * factor) + sum;
            for (int c = 0; c < THead.Columns / 16; c++)
                sums[(i * (THead.Columns / 16)) + c] *= factor;
        }
        Group.Barrier();
        for (int j = 0; j < 4; j++)
        {
            GpuFloat4 column;
            column.X = scores[j];
            column.Y = scores[4 + j];
            column.Z = scores[8 + j];
            column.W = scores[12 + j];
            weights[WeightIndex((4 * tx) + j, ty)] = column;
        }
    }

    /// <summary>sums += weights v, as many positions at a time as fill a chunk.</summary>
    private static void AddValues<TKeys, THead>(
        AttentionGpuArguments arguments, ArrayView<byte> values, ArrayView<GpuFloat4> weights, ArrayView<GpuFloat4> chunk, int inTile, float[] sums)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<float> chunkFloats = chunk.Cast<float>();
        int tx = Group.IdxX % ThreadColumns;
        int ty = Group.IdxX / ThreadColumns;
        for (int p0 = 0; p0 < Positions; p0 += ChunkFloats / THead.Columns)
        {
            Group.Barrier();
            for (int i = 0; i < ChunkFloats / Threads; i++)
            {
                int element = (i * Threads) + Group.IdxX;
                int position = p0 + (element / THead.Columns);
                int column = element % THead.Columns;
                bool inside = position < inTile && column < arguments.HeadDim;
                chunkFloats[element] = inside ? TKeys.Value(arguments, values, position, column) : 0;
            }
            Group.Barrier();
            for (int p = 0; p < ChunkFloats / THead.Columns; p++)
            {
                GpuFloat4 weight = weights[WeightIndex(p0 + p, ty)];
                for (int c = 0; c < THead.Columns / 64; c++)
                    GpuFloat4.AddOuter(sums, 4 * c, THead.Columns / 16, weight, chunk[(p * (THead.Columns / 4)) + (16 * c) + tx]);
            }
        }
    }

    /// <summary>Where the weights of a position for rows 4 ty to 4 ty + 3 lie: moved about so that stores of a warp meet all banks.</summary>
    private static int WeightIndex(int position, int ty) => (position * (Rows / 4)) + (ty ^ (position / 4 % (Rows / 4)));

    private static void Write<THead>(
        AttentionGpuArguments arguments, ArrayView<float> shared, int first, int start, int stop, int head, float[] denominators, float[] sums)
        where THead : struct, IGpuHeadWidth
    {
        int tx = Group.IdxX % ThreadColumns;
        int ty = Group.IdxX / ThreadColumns;
        Group.Barrier();
        for (int i = 0; i < 4; i++)
            shared[(((4 * ty) + i) * ThreadColumns) + tx] = denominators[i];
        Group.Barrier();
        for (int i = 0; i < 4; i++)
        {
            float denominator = 0;
            for (int j = 0; j < ThreadColumns; j++)
                denominator += shared[(((4 * ty) + i) * ThreadColumns) + j];
            int row = first + (4 * ty) + i;
            for (int c = 0; c < THead.Columns / 16; c++)
            {
                int column = (64 * (c / 4)) + (4 * tx) + (c % 4);
                if (row >= start && row < stop && column < arguments.HeadDim)
                {
                    long output = (((long)row * arguments.Heads) + head) * arguments.HeadDim;
                    arguments.Output[output + column] = sums[(i * (THead.Columns / 16)) + c] / denominator;
                }
            }
        }
        Group.Barrier();
    }
}
