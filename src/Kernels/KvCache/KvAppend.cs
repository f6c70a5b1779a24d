using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// Rotates the queries and keys of joined rows in place (<see cref="Rope"/>) and appends the keys and values to the paged KV
/// cache: row r goes to slot position % 64 of page pageTable[sequence, position / 64].
/// <para>An F16 cache gets each key and value as <see cref="KvElement.F16"/> says, a Q8 cache as a <see cref="QuantizedHead"/>.</para>
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
            byte* kTile = KvLayout.Tile(arguments.KPool, arguments.Element, page, arguments.KvHeads, head, headDim);
            byte* vTile = KvLayout.Tile(arguments.VPool, arguments.Element, page, arguments.KvHeads, head, headDim);
            bool areFinite = AreFinite(k + (head * headDim), headDim) && AreFinite(v + (head * headDim), headDim);
            for (int d = 0; d < headDim; d++)
            {
                float key = k[(head * headDim) + d];
                float value = v[(head * headDim) + d];
                if (arguments.Element == KvElement.F16)
                {
                    ((Half*)kTile)[(d * KvLayout.PagePositions) + slot] = areFinite ? ToHalf(key) : Half.NaN;
                    ((Half*)vTile)[(slot * headDim) + d] = ToHalf(value);
                }
                else
                {
                    ((float*)kTile)[(d * KvLayout.PagePositions) + slot] = key;
                    ((float*)vTile)[(slot * headDim) + d] = value;
                }
            }
        }
    }

    private static bool AreFinite(float* x, int headDim)
    {
        for (int d = 0; d < headDim; d++)
        {
            if (!float.IsFinite(x[d]))
                return false;
        }
        return true;
    }

    private static Half ToHalf(float value) => (Half)Math.Clamp(value, -BinarySixteen.Largest, BinarySixteen.Largest);

    private static void StoreQuantized(in KvAppendArguments arguments, int page, int slot, int head, float* k, float* v)
    {
        int headDim = arguments.HeadDim;
        byte* kTile = KvLayout.Tile(arguments.KPool, KvElement.Q8, page, arguments.KvHeads, head, headDim);
        byte* vTile = KvLayout.Tile(arguments.VPool, KvElement.Q8, page, arguments.KvHeads, head, headDim);
        KvLayout.Scales(kTile, headDim)[slot] = QuantizedHead.Store(k, headDim, (sbyte*)kTile + slot, KvLayout.PagePositions);
        KvLayout.Scales(vTile, headDim)[slot] = QuantizedHead.Store(v, headDim, (sbyte*)vTile + (slot * headDim), 1);
    }
}
