namespace ChainOfSpot.Kernels;

/// <summary>
/// Copies the first positions of a page to another page of the same layer, K and V, for a fork whose last page is not full.
/// <para>Moves 16 * kvHeads * headDim * positions bytes. A plain copy: its definition is its CPU form.</para>
/// </summary>
public static unsafe class CopyPage
{
    /// <summary>Copies positions 0 to <paramref name="positions"/> - 1; the other slots of the destination stay as they are.</summary>
    /// <param name="kPool">The layer's pool of K pages.</param>
    /// <param name="vPool">The layer's pool of V pages.</param>
    /// <param name="kvHeads">Heads of K and V.</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="source">The page that is read.</param>
    /// <param name="destination">The page that is written, another one.</param>
    /// <param name="positions">How many positions, 0 to 64.</param>
    public static void Cpu(float* kPool, float* vPool, int kvHeads, int headDim, int source, int destination, int positions)
    {
        for (int head = 0; head < kvHeads; head++)
        {
            float* from = KvLayout.Tile(kPool, source, kvHeads, head, headDim);
            float* to = KvLayout.Tile(kPool, destination, kvHeads, head, headDim);
            for (int row = 0; row < KvLayout.TileFloats(headDim); row += KvLayout.PagePositions)
                new ReadOnlySpan<float>(from + row, positions).CopyTo(new Span<float>(to + row, positions));

            from = KvLayout.Tile(vPool, source, kvHeads, head, headDim);
            to = KvLayout.Tile(vPool, destination, kvHeads, head, headDim);
            new ReadOnlySpan<float>(from, positions * headDim).CopyTo(new Span<float>(to, positions * headDim));
        }
    }
}
