namespace ChainOfSpot.Kernels;

/// <summary>
/// Causal attention over the paged KV cache: out[r, h] = sum over j of softmax(q[r, h]·k[j] / sqrt(headDim))[j] v[j], for j
/// from 0 to the row's position in its own sequence, with k and v of kv head h / (heads / kvHeads).
/// <para>Shapes: q and out [rows, heads, headDim], rows may lie apart; K and V pages as <see cref="KvLayout"/>, of any <see cref="KvElement"/>;
/// the rest fp32.</para>
/// <para>Moves 8 * (position + 1) * kvHeads * headDim bytes of fp32 K and V for a block of rows, half of it of F16,
/// 2 * (position + 1) * kvHeads * (headDim + 4) of Q8, and does 4 * (position + 1) * heads * headDim operations a row.</para>
/// <para>A NaN in a row's query, or in what it sees, gives NaN; positions that a row does not see never touch it.</para>
/// </summary>
public static unsafe partial class Attention
{
    /// <summary>The definition of one row and head, in double precision, rounded once.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="row">The row.</param>
    /// <param name="head">The query head.</param>
    /// <param name="output">[headDim].</param>
    /// <returns>The log-sum-exp.</returns>
    public static double Define(in AttentionArguments arguments, int row, int head, Span<float> output)
    {
        int headDim = arguments.HeadDim;
        int kvHead = head / arguments.GroupHeads;
        int visible = arguments.Positions[row] + 1;
        float* q = arguments.Query + (row * arguments.QueryStride) + (head * headDim);
        var scores = new double[visible];
        for (int j = 0; j < visible; j++)
        {
            byte* k = Tile(arguments, arguments.KPool, row, j, kvHead);
            int slot = j % KvLayout.PagePositions;
            for (int d = 0; d < headDim; d++)
                scores[j] += (double)q[d] * Read(arguments, k, (d * KvLayout.PagePositions) + slot, slot);
            scores[j] /= Math.Sqrt(headDim);
        }

        double maximum = scores.Max();
        double normalizer = scores.Sum(s => Math.Exp(s - maximum));
        for (int d = 0; d < headDim; d++)
        {
            double sum = 0;
            for (int j = 0; j < visible; j++)
            {
                int slot = j % KvLayout.PagePositions;
                sum += Math.Exp(scores[j] - maximum)
                    * Read(arguments, Tile(arguments, arguments.VPool, row, j, kvHead), (slot * headDim) + d, slot);
            }
            output[d] = (float)(sum / normalizer);
        }
        return maximum + Math.Log(normalizer);
    }

    private static float Read(in AttentionArguments arguments, byte* tile, int index, int slot) =>
        KvLayout.Number(arguments.Element, tile, arguments.HeadDim, index, slot);

    private static byte* Tile(in AttentionArguments arguments, void* pool, int row, int position, int kvHead)
    {
        int page = arguments.PageTable[((long)arguments.Sequences[row] * arguments.MaxPages) + (position / KvLayout.PagePositions)];
        return KvLayout.Tile(pool, arguments.Element, page, arguments.KvHeads, kvHead, arguments.HeadDim);
    }
}
