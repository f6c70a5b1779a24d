using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>
/// softmax(q kᵀ / sqrt(headDim)) v of 64 rows and one head on tensor cores, CUDA from sm_80 on: the softmax is taken online over 64
/// positions at a time, as in <see cref="AttentionGpuTile"/>. Queries, keys, values and weights e^(score - largest) are rounded to
/// fp16; scores, softmax and sums are fp32.
/// <para>Four warps of 16 rows. A lane has the queries of its rows in registers as A of mma.m16n8k16, then scores and sums as C
/// (<see cref="MatMulFragments"/>): rows lane / 4 and 8 further, columns 8 j + 2 (lane mod 4) and the next. The scores of 16 positions
/// are, packed, A of the product with the values. Shared memory: keys and values of 64 positions, fp16, 256 bytes a column at
/// most.</para>
/// </summary>
internal static partial class AttentionGpuTensor
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 64;

    /// <summary>Threads of its group.</summary>
    public const int Threads = 128;

    /// <summary>
    /// Groups on a multiprocessor: up to 255 registers a thread. Heads of 128 columns take up to 219; for three groups ptxas keeps some
    /// numbers in memory.
    /// </summary>
    public const int GroupsPerMultiprocessor = 2;

    private const int Positions = KvLayout.PagePositions;
    private const int PositionEights = Positions / 8;

    /// <summary>As <see cref="AttentionGpuTile.Run"/> for rows [64 x, 64 x + 64).</summary>
    public static void Run<TKeys, THead>(AttentionGpuArguments arguments)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<GpuUInt4> memory = SharedMemory.Allocate<GpuUInt4>(2 * Positions * THead.Columns / 8);
        int shared = GpuInstructions.SharedAddress(ref memory[0]);
        int first = Grid.IdxX * Rows;
        int end = IntrinsicMath.Min(first + Rows, arguments.Rows);
        var queries = new uint[THead.Columns / 4];
        LoadQueries<THead>(arguments, queries, first, end);
        int run = 0;
        for (int start = first; start < end;)
        {
            int sequence = TKeys.Sequence(arguments, start);
            int stop = AttentionGpuTile.EndOfRun<TKeys>(arguments, start, end, sequence);
            if (run % Grid.DimZ == Grid.IdxZ)
                Attend<TKeys, THead>(arguments, memory.Cast<uint>(), shared, queries, start, stop, sequence);
            run++;
            start = stop;
        }
    }

    /// <summary>The byte of a tile where eight columns of a row begin; eight rows of one eight lie in all banks.</summary>
    private static int Offset(int row, int eight, int eights) => ((row * eights) + (eight ^ (row & 7))) * 16;

    /// <summary>The row of a lane's first numbers of A and C; the others' is eight further.</summary>
    private static int RowOfLane(int first) => first + (Group.IdxX / 32 * 16) + MatMulFragments.CRow(Group.IdxX & 31);

    private static void Attend<TKeys, THead>(
        AttentionGpuArguments arguments, ArrayView<uint> words, int shared, uint[] queries, int start, int stop, int sequence)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        int kvHead = Grid.IdxY / (arguments.Heads / arguments.KvHeads);
        int row0 = RowOfLane(Grid.IdxX * Rows);
        int row1 = row0 + 8;
        int visible0 = row0 >= start && row0 < stop ? TKeys.Visible(arguments, row0) : 0;
        int visible1 = row1 >= start && row1 < stop ? TKeys.Visible(arguments, row1) : 0;
        float largest0 = float.NegativeInfinity;
        float largest1 = float.NegativeInfinity;
        float denominator0 = 0;
        float denominator1 = 0;
        var sums = new float[THead.Columns / 2];
        for (int i = 0; i < THead.Columns / 2; i++)
            sums[i] = 0;

        int positions = TKeys.Visible(arguments, stop - 1);
        for (int tile = 0; tile * Positions < positions; tile++)
        {
            int inTile = IntrinsicMath.Min(positions - (tile * Positions), Positions);
            Group.Barrier();
            LoadKeys<TKeys, THead>(arguments, TKeys.Keys(arguments, sequence, kvHead, tile), words, inTile);
            LoadValues<TKeys, THead>(arguments, TKeys.Values(arguments, sequence, kvHead, tile), words, inTile);
            Group.Barrier();

            var scores = new float[Positions / 2];
            for (int i = 0; i < Positions / 2; i++)
                scores[i] = 0;
            AddScores<TKeys, THead>(shared, queries, scores);

            int position = (tile * Positions) + MatMulFragments.CColumn(Group.IdxX & 31);
            float highest0 = largest0;
            float highest1 = largest1;
            Mask(scores, 0, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 1, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 2, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 3, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 4, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 5, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 6, position, visible0, visible1, ref highest0, ref highest1);
            Mask(scores, 7, position, visible0, visible1, ref highest0, ref highest1);
            highest0 = HighestOfFour(highest0);
            highest1 = HighestOfFour(highest1);
            // A row that sees nothing yet has no largest score; e^(-infinity - 0) is the 0 that it needs.
            float shift0 = highest0 == float.NegativeInfinity ? 0 : highest0;
            float shift1 = highest1 == float.NegativeInfinity ? 0 : highest1;
            float factor0 = GpuMath.Exp(largest0 - shift0);
            float factor1 = GpuMath.Exp(largest1 - shift1);
            largest0 = highest0;
            largest1 = highest1;
            denominator0 *= factor0;
            denominator1 *= factor1;
            ScaleHalf(sums, 0, factor0, factor1);
            if (THead.Columns > 64)
                ScaleHalf(sums, 1, factor0, factor1);
            int values = shared + (Positions * THead.Columns * 2);
            AddSixteen<THead>(values, scores, 0, shift0, shift1, ref denominator0, ref denominator1, sums);
            AddSixteen<THead>(values, scores, 1, shift0, shift1, ref denominator0, ref denominator1, sums);
            AddSixteen<THead>(values, scores, 2, shift0, shift1, ref denominator0, ref denominator1, sums);
            AddSixteen<THead>(values, scores, 3, shift0, shift1, ref denominator0, ref denominator1, sums);
        }
        float scale0 = 1 / SumOfFour(denominator0);
        float scale1 = 1 / SumOfFour(denominator1);
        WriteHalf(arguments, sums, 0, row0, start, stop, scale0, scale1);
        if (THead.Columns > 64)
            WriteHalf(arguments, sums, 1, row0, start, stop, scale0, scale1);
    }

    /// <summary>Of the scores of eight positions, keeps what a row sees.</summary>
    private static void Mask(float[] scores, int eight, int position, int visible0, int visible1, ref float highest0, ref float highest1)
    {
        int first = position + (8 * eight);
        float s0 = first < visible0 ? scores[4 * eight] : float.NegativeInfinity;
        float s1 = first + 1 < visible0 ? scores[(4 * eight) + 1] : float.NegativeInfinity;
        float s2 = first < visible1 ? scores[(4 * eight) + 2] : float.NegativeInfinity;
        float s3 = first + 1 < visible1 ? scores[(4 * eight) + 3] : float.NegativeInfinity;
        scores[4 * eight] = s0;
        scores[(4 * eight) + 1] = s1;
        scores[(4 * eight) + 2] = s2;
        scores[(4 * eight) + 3] = s3;
        highest0 = Higher(Higher(highest0, s0), s1);
        highest1 = Higher(Higher(highest1, s2), s3);
    }

    // Loops of longer bodies are not unrolled by the assembler, and what they index would lie in memory.

    /// <summary>The sums of 64 columns.</summary>
    private static void ScaleHalf(float[] sums, int half, float factor0, float factor1)
    {
        Scale(sums, 8 * half, factor0, factor1);
        Scale(sums, (8 * half) + 1, factor0, factor1);
        Scale(sums, (8 * half) + 2, factor0, factor1);
        Scale(sums, (8 * half) + 3, factor0, factor1);
        Scale(sums, (8 * half) + 4, factor0, factor1);
        Scale(sums, (8 * half) + 5, factor0, factor1);
        Scale(sums, (8 * half) + 6, factor0, factor1);
        Scale(sums, (8 * half) + 7, factor0, factor1);
    }

    private static void Scale(float[] sums, int eight, float factor0, float factor1)
    {
        sums[4 * eight] *= factor0;
        sums[(4 * eight) + 1] *= factor0;
        sums[(4 * eight) + 2] *= factor1;
        sums[(4 * eight) + 3] *= factor1;
    }

    /// <summary>scores = q kᵀ.</summary>
    private static void AddScores<TKeys, THead>(int keys, uint[] queries, float[] scores)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        AddScoresOfSixteen<TKeys, THead>(keys, queries, 0, scores);
        AddScoresOfSixteen<TKeys, THead>(keys, queries, 1, scores);
        AddScoresOfSixteen<TKeys, THead>(keys, queries, 2, scores);
        AddScoresOfSixteen<TKeys, THead>(keys, queries, 3, scores);
        if (THead.Columns > 64)
        {
            AddScoresOfSixteen<TKeys, THead>(keys, queries, 4, scores);
            AddScoresOfSixteen<TKeys, THead>(keys, queries, 5, scores);
            AddScoresOfSixteen<TKeys, THead>(keys, queries, 6, scores);
            AddScoresOfSixteen<TKeys, THead>(keys, queries, 7, scores);
        }
    }

    /// <summary>The part of sixteen columns of the head.</summary>
    private static void AddScoresOfSixteen<TKeys, THead>(int keys, uint[] queries, int sixteen, float[] scores)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        GpuUInt4 a;
        a.X = queries[4 * sixteen];
        a.Y = queries[(4 * sixteen) + 1];
        a.Z = queries[(4 * sixteen) + 2];
        a.W = queries[(4 * sixteen) + 3];
        MultiplyTwoEights(scores, 0, a, KeyWords<TKeys, THead>(keys, sixteen, 0));
        MultiplyTwoEights(scores, 8, a, KeyWords<TKeys, THead>(keys, sixteen, 1));
        MultiplyTwoEights(scores, 16, a, KeyWords<TKeys, THead>(keys, sixteen, 2));
        MultiplyTwoEights(scores, 24, a, KeyWords<TKeys, THead>(keys, sixteen, 3));
    }

    /// <summary>B [16 columns, 16 positions], two steps side by side.</summary>
    private static GpuUInt4 KeyWords<TKeys, THead>(int keys, int sixteenColumns, int sixteenPositions)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        int lane = Group.IdxX & 31;
        if (TKeys.KeysAreTransposed)
        {
            return GpuInstructions.LoadMatricesTransposed(
                keys + Offset((16 * sixteenColumns) + MatMulFragments.ARow(lane), (2 * sixteenPositions) + MatMulFragments.AEight(lane), PositionEights));
        }
        return GpuInstructions.LoadMatrices(
            keys + Offset((16 * sixteenPositions) + MatMulFragments.BRow(lane), (2 * sixteenColumns) + MatMulFragments.BEight(lane), THead.Columns / 8));
    }

    /// <summary>Turns the scores of sixteen positions into weights and adds what they weigh to the sums.</summary>
    private static void AddSixteen<THead>(
        int values, float[] scores, int sixteen, float shift0, float shift1, ref float denominator0, ref float denominator1, float[] sums)
        where THead : struct, IGpuHeadWidth
    {
        GpuUInt4 a;
        a.X = Weights(scores, 8 * sixteen, shift0, ref denominator0);
        a.Y = Weights(scores, (8 * sixteen) + 2, shift1, ref denominator1);
        a.Z = Weights(scores, (8 * sixteen) + 4, shift0, ref denominator0);
        a.W = Weights(scores, (8 * sixteen) + 6, shift1, ref denominator1);
        AddValues<THead>(values, sixteen, a, sums, 0);
        AddValues<THead>(values, sixteen, a, sums, 1);
        AddValues<THead>(values, sixteen, a, sums, 2);
        AddValues<THead>(values, sixteen, a, sums, 3);
        if (THead.Columns > 64)
        {
            AddValues<THead>(values, sixteen, a, sums, 4);
            AddValues<THead>(values, sixteen, a, sums, 5);
            AddValues<THead>(values, sixteen, a, sums, 6);
            AddValues<THead>(values, sixteen, a, sums, 7);
        }
    }

    private static uint Weights(float[] scores, int at, float shift, ref float denominator)
    {
        float low = GpuMath.Exp(scores[at] - shift);
        float high = GpuMath.Exp(scores[at + 1] - shift);
        denominator += low + high;
        return GpuInstructions.Halves(low, high);
    }

    private static void AddValues<THead>(int values, int sixteenPositions, GpuUInt4 weights, float[] sums, int sixteenColumns)
        where THead : struct, IGpuHeadWidth
    {
        int lane = Group.IdxX & 31;
        GpuUInt4 words = GpuInstructions.LoadMatricesTransposed(
            values + Offset((16 * sixteenPositions) + MatMulFragments.ARow(lane), (2 * sixteenColumns) + MatMulFragments.AEight(lane), THead.Columns / 8));
        MultiplyTwoEights(sums, 8 * sixteenColumns, weights, words);
    }

    /// <summary>c [16, 16] += a b, of which a lane has eight numbers from <paramref name="at"/> on.</summary>
    private static void MultiplyTwoEights(float[] c, int at, GpuUInt4 a, GpuUInt4 b)
    {
        MultiplyEight(c, at, a, b.X, b.Y);
        MultiplyEight(c, at + 4, a, b.Z, b.W);
    }

    private static void MultiplyEight(float[] c, int at, GpuUInt4 a, uint low, uint high)
    {
        GpuFloat4 sum;
        sum.X = c[at];
        sum.Y = c[at + 1];
        sum.Z = c[at + 2];
        sum.W = c[at + 3];
        sum = GpuInstructions.MultiplyAdd(sum, a, new GpuUInt2 { X = low, Y = high });
        c[at] = sum.X;
        c[at + 1] = sum.Y;
        c[at + 2] = sum.Z;
        c[at + 3] = sum.W;
    }

    /// <summary>64 columns of the two rows of a lane.</summary>
    private static void WriteHalf(AttentionGpuArguments arguments, float[] sums, int half, int row, int start, int stop, float scale0, float scale1)
    {
        WriteEight(arguments, sums, 8 * half, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 1, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 2, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 3, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 4, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 5, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 6, row, start, stop, scale0, scale1);
        WriteEight(arguments, sums, (8 * half) + 7, row, start, stop, scale0, scale1);
    }

    private static void WriteEight(AttentionGpuArguments arguments, float[] sums, int eight, int row, int start, int stop, float scale0, float scale1)
    {
        int column = (8 * eight) + MatMulFragments.CColumn(Group.IdxX & 31);
        WriteTwo(arguments, row, start, stop, column, sums[4 * eight] * scale0, sums[(4 * eight) + 1] * scale0);
        WriteTwo(arguments, row + 8, start, stop, column, sums[(4 * eight) + 2] * scale1, sums[(4 * eight) + 3] * scale1);
    }

    private static void WriteTwo(AttentionGpuArguments arguments, int row, int start, int stop, int column, float low, float high)
    {
        long index = ((((long)row * arguments.Heads) + Grid.IdxY) * arguments.HeadDim) + column;
        if (row >= start && row < stop && column < arguments.HeadDim)
            arguments.Output[index] = low;
        if (row >= start && row < stop && column + 1 < arguments.HeadDim)
            arguments.Output[index + 1] = high;
    }

    private static float Higher(float a, float b) => b > a ? b : a;

    /// <summary>Of the four lanes that share rows.</summary>
    private static float HighestOfFour(float value)
    {
        value = Higher(value, Warp.ShuffleXor(value, 1));
        return Higher(value, Warp.ShuffleXor(value, 2));
    }

    private static float SumOfFour(float value)
    {
        value += Warp.ShuffleXor(value, 1);
        return value + Warp.ShuffleXor(value, 2);
    }
}
