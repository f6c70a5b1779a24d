using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form. Heads are the outer loop, so that the K tile that rows are scattered into stays in the L1 cache.</content>
public static unsafe partial class KvAppend
{
    /// <summary>Rotates and appends a range of rows.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Cpu<TVector, TLanes>(in KvAppendArguments arguments, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int headDim = arguments.HeadDim;
        Rope.Cpu<TVector, TLanes>(
            arguments.Qkv, arguments.QkvStride, arguments.Heads + arguments.KvHeads, headDim, arguments.Cos, arguments.Sin,
            arguments.Positions, firstRow, rows);
        for (int head = 0; head < arguments.KvHeads; head++)
        {
            for (int row = firstRow; row < firstRow + rows; row++)
            {
                int page = arguments.Page(row);
                int slot = arguments.Positions[row] % KvLayout.PagePositions;
                float* k = arguments.Qkv + (row * arguments.QkvStride) + ((arguments.Heads + head) * headDim);
                float* v = k + (arguments.KvHeads * headDim);
                if (arguments.Element == KvElement.Q8)
                {
                    StoreQuantized(arguments, page, slot, head, k, v);
                    continue;
                }
                float* kColumn = KvLayout.Tile((float*)arguments.KPool, page, arguments.KvHeads, head, headDim) + slot;
                for (int d = 0; d < headDim; d++)
                    kColumn[d * KvLayout.PagePositions] = k[d];
                float* vRow = KvLayout.Tile((float*)arguments.VPool, page, arguments.KvHeads, head, headDim) + (slot * headDim);
                new ReadOnlySpan<float>(v, headDim).CopyTo(new Span<float>(vRow, headDim));
            }
        }
    }
}
