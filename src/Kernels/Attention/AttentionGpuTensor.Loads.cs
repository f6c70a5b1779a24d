using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <content>What comes from memory, rounded to fp16 on its way.</content>
internal static partial class AttentionGpuTensor
{
    private static void LoadQueries<THead>(AttentionGpuArguments arguments, uint[] queries, int first, int end)
        where THead : struct, IGpuHeadWidth
    {
        LoadQuery(arguments, queries, 0, first, end);
        LoadQuery(arguments, queries, 1, first, end);
        LoadQuery(arguments, queries, 2, first, end);
        LoadQuery(arguments, queries, 3, first, end);
        if (THead.Columns > 64)
        {
            LoadQuery(arguments, queries, 4, first, end);
            LoadQuery(arguments, queries, 5, first, end);
            LoadQuery(arguments, queries, 6, first, end);
            LoadQuery(arguments, queries, 7, first, end);
        }
    }

    /// <summary>A lane's part of sixteen columns.</summary>
    private static void LoadQuery(AttentionGpuArguments arguments, uint[] queries, int sixteen, int first, int end)
    {
        int row = RowOfLane(first);
        int column = (16 * sixteen) + MatMulFragments.CColumn(Group.IdxX & 31);
        queries[4 * sixteen] = QueryPair(arguments, row, end, column);
        queries[(4 * sixteen) + 1] = QueryPair(arguments, row + 8, end, column);
        queries[(4 * sixteen) + 2] = QueryPair(arguments, row, end, column + 8);
        queries[(4 * sixteen) + 3] = QueryPair(arguments, row + 8, end, column + 8);
    }

    private static uint QueryPair(AttentionGpuArguments arguments, int row, int end, int column)
    {
        // Rows behind the last are computed from it and not written.
        long index = ((long)IntrinsicMath.Min(row, end - 1) * arguments.QkvStride) + (Grid.IdxY * arguments.HeadDim) + column;
        float low = column < arguments.HeadDim ? arguments.Qkv[index] * arguments.Scale : 0;
        float high = column + 1 < arguments.HeadDim ? arguments.Qkv[index + 1] * arguments.Scale : 0;
        return GpuInstructions.ClampedHalves(low, high);
    }

    /// <summary>Keys as they lie: [columns][64 positions] in a page, [64 positions][columns] among the rows of a picture. Two a thread and step.</summary>
    private static void LoadKeys<TKeys, THead>(AttentionGpuArguments arguments, ArrayView<byte> keys, ArrayView<uint> words, int inTile)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        for (int i = 0; i < Positions * THead.Columns / 2 / Threads; i++)
        {
            int pair = (i * Threads) + Group.IdxX;
            if (TKeys.KeysAreTransposed)
            {
                int d = pair / (Positions / 2);
                int position = pair % (Positions / 2) * 2;
                float low = position < inTile && d < arguments.HeadDim ? TKeys.Key(arguments, keys, position, d) : 0;
                float high = position + 1 < inTile && d < arguments.HeadDim ? TKeys.Key(arguments, keys, position + 1, d) : 0;
                StorePair(words, d, position, PositionEights, low, high);
            }
            else
            {
                int position = pair / (THead.Columns / 2);
                int d = pair % (THead.Columns / 2) * 2;
                float low = position < inTile && d < arguments.HeadDim ? TKeys.Key(arguments, keys, position, d) : 0;
                float high = position < inTile && d + 1 < arguments.HeadDim ? TKeys.Key(arguments, keys, position, d + 1) : 0;
                StorePair(words, position, d, THead.Columns / 8, low, high);
            }
        }
    }

    /// <summary>Values [64 positions][columns], behind the keys.</summary>
    private static void LoadValues<TKeys, THead>(AttentionGpuArguments arguments, ArrayView<byte> values, ArrayView<uint> words, int inTile)
        where TKeys : struct, IGpuKeys
        where THead : struct, IGpuHeadWidth
    {
        ArrayView<uint> target = words.SubView(Positions * THead.Columns / 2, Positions * THead.Columns / 2);
        for (int i = 0; i < Positions * THead.Columns / 2 / Threads; i++)
        {
            int pair = (i * Threads) + Group.IdxX;
            int position = pair / (THead.Columns / 2);
            int d = pair % (THead.Columns / 2) * 2;
            float low = position < inTile && d < arguments.HeadDim ? TKeys.Value(arguments, values, position, d) : 0;
            float high = position < inTile && d + 1 < arguments.HeadDim ? TKeys.Value(arguments, values, position, d + 1) : 0;
            StorePair(target, position, d, THead.Columns / 8, low, high);
        }
    }

    private static void StorePair(ArrayView<uint> tile, int row, int column, int eights, float low, float high) =>
        tile[(Offset(row, column / 8, eights) / 4) + (column % 8 / 2)] = GpuInstructions.ClampedHalves(low, high);
}
