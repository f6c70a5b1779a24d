using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form. A task is some rows of one sequence and one kv head; a row's query heads that share the kv head are
/// queries of the same block, so K and V pass by once for up to 24 queries: in decode, once a token.
/// </content>
public static unsafe partial class Attention
{
    /// <summary>Floats of workspace of one task; 64-byte alignment is faster.</summary>
    public static int WorkspaceFloats(int headDim) => AttentionBlock.WorkspaceFloats(headDim);

    /// <summary>The most rows that share one reading of K and V: tasks are best cut at multiples of it.</summary>
    public static int RowsPerBlock(int heads, int kvHeads) => Math.Max(1, AttentionBlock.Queries / (heads / kvHeads));

    /// <summary>Attends <paramref name="rows"/> rows of one sequence, in any order of positions, with one kv head.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="firstRow">The first row of the task.</param>
    /// <param name="rows">Its number of rows; all of one sequence.</param>
    /// <param name="kvHead">The kv head; its query heads are attended.</param>
    /// <param name="workspace"><see cref="WorkspaceFloats"/> floats.</param>
    public static void Cpu<TVector, TLanes>(in AttentionArguments arguments, int firstRow, int rows, int kvHead, float* workspace)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        var block = new AttentionBlock<TVector, TLanes>(workspace, arguments.HeadDim);
        int groupHeads = arguments.GroupHeads;
        int queries = rows * groupHeads;
        for (int first = 0; first < queries; first += AttentionBlock.Queries)
        {
            int count = Math.Min(AttentionBlock.Queries, queries - first);
            switch (arguments.Element)
            {
                case KvElement.Q8:
                    AttendBlock<TVector, TLanes, KvQ8>(block, arguments, firstRow, kvHead, first, count);
                    break;
                case KvElement.F16:
                    AttendBlock<TVector, TLanes, KvF16>(block, arguments, firstRow, kvHead, first, count);
                    break;
                default:
                    AttendBlock<TVector, TLanes, KvF32>(block, arguments, firstRow, kvHead, first, count);
                    break;
            }
        }
    }

    /// <summary>Attends queries first to first + count; query i is head i % groupHeads of row i / groupHeads of the task.</summary>
    private static void AttendBlock<TVector, TLanes, TElement>(
        in AttentionBlock<TVector, TLanes> block, in AttentionArguments arguments, int firstRow, int kvHead, int first, int count)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        int groupHeads = arguments.GroupHeads;
        int headDim = arguments.HeadDim;
        int firstHead = kvHead * groupHeads;
        int* positions = stackalloc int[AttentionBlock.Queries];
        int* visible = stackalloc int[AttentionBlock.Queries];
        int last = 0;
        for (int i = 0; i < count; i++)
        {
            (int row, int head) = Math.DivRem(first + i, groupHeads);
            row += firstRow;
            positions[i] = arguments.Positions[row];
            last = Math.Max(last, positions[i]);
            block.SetQuery(i, arguments.Query + (row * arguments.QueryStride) + ((firstHead + head) * headDim));
        }

        for (int start = 0; start <= last; start += KvLayout.PagePositions)
        {
            for (int i = 0; i < count; i++)
                visible[i] = Math.Clamp(positions[i] - start + 1, 0, KvLayout.PagePositions);
            byte* k = Tile(arguments, arguments.KPool, firstRow, start, kvHead);
            byte* v = Tile(arguments, arguments.VPool, firstRow, start, kvHead);
            byte* nextK = Tile(arguments, arguments.KPool, firstRow, Math.Min(start + KvLayout.PagePositions, last), kvHead);
            block.AddTile<TElement>(k, v, nextK, visible, count);
        }

        for (int i = 0; i < count; i++)
        {
            (int row, int head) = Math.DivRem(first + i, groupHeads);
            row += firstRow;
            head += firstHead;
            float logSumExp = block.Finish(i, arguments.Output + (row * arguments.OutputStride) + (head * headDim));
            if (arguments.LogSumExp != null)
                arguments.LogSumExp[((long)row * arguments.Heads) + head] = logSumExp;
        }
    }
}
