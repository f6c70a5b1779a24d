namespace ChainOfSpot.Kernels;

/// <summary>
/// Rotates the queries and keys of joined rows in place (<see cref="Rope"/>) and appends the keys and values to the paged KV
/// cache: row r goes to slot position % 64 of page pageTable[sequence, position / 64].
/// <para>A Q8 cache gets each key and value as a <see cref="QuantizedHead"/>.</para>
/// <para>Shapes: q|k|v [rows, (heads + 2 * kvHeads) * headDim] fp32, rows may lie apart; pools as <see cref="KvLayout"/>.</para>
/// <para>Moves 8 * (heads + 2 * kvHeads) * headDim bytes a row. Two rows of one position of one sequence are a race.</para>
/// </summary>
public static unsafe partial class KvAppend
{
    /// <summary>The definition of one row.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="row">The row.</param>
    public static void Define(in KvAppendArguments arguments, int row)
    {
        int headDim = arguments.HeadDim;
        int position = arguments.Positions[row];
        int slot = position % KvLayout.PagePositions;
        int page = arguments.Page(row);
        long entry = (long)position * (headDim / 2);
        float* q = arguments.Qkv + (row * arguments.QkvStride);
        for (int head = 0; head < arguments.Heads + arguments.KvHeads; head++)
            Rope.Define(q + (head * headDim), arguments.Cos + entry, arguments.Sin + entry, headDim);

        float* k = q + (arguments.Heads * headDim);
        float* v = k + (arguments.KvHeads * headDim);
        for (int head = 0; head < arguments.KvHeads; head++)
        {
            if (arguments.Element == KvElement.Q8)
            {
                StoreQuantized(arguments, page, slot, head, k + (head * headDim), v + (head * headDim));
                continue;
            }
            float* kTile = KvLayout.Tile((float*)arguments.KPool, page, arguments.KvHeads, head, headDim);
            float* vTile = KvLayout.Tile((float*)arguments.VPool, page, arguments.KvHeads, head, headDim);
            for (int d = 0; d < headDim; d++)
            {
                kTile[(d * KvLayout.PagePositions) + slot] = k[(head * headDim) + d];
                vTile[(slot * headDim) + d] = v[(head * headDim) + d];
            }
        }
    }

    private static void StoreQuantized(in KvAppendArguments arguments, int page, int slot, int head, float* k, float* v)
    {
        int headDim = arguments.HeadDim;
        byte* kTile = KvLayout.Tile(arguments.KPool, KvElement.Q8, page, arguments.KvHeads, head, headDim);
        byte* vTile = KvLayout.Tile(arguments.VPool, KvElement.Q8, page, arguments.KvHeads, head, headDim);
        KvLayout.Scales(kTile, headDim)[slot] = QuantizedHead.Store(k, headDim, (sbyte*)kTile + slot, KvLayout.PagePositions);
        KvLayout.Scales(vTile, headDim)[slot] = QuantizedHead.Store(v, headDim, (sbyte*)vTile + (slot * headDim), 1);
    }
}
