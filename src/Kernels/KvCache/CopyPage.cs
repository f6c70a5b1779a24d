namespace ChainOfSpot.Kernels;

/// <summary>
/// Copies the first positions of a page to another page of the same layer, K and V, for a fork whose last page is not full.
/// <para>Moves 16 * kvHeads * headDim * positions bytes of fp32, half of it of F16, about a quarter of Q8. A plain copy: its definition is its CPU form.</para>
/// </summary>
public static unsafe partial class CopyPage
{
    /// <summary>Copies positions 0 to <paramref name="positions"/> - 1; the other slots of the destination stay as they are.</summary>
    /// <param name="kPool">The layer's pool of K pages.</param>
    /// <param name="vPool">The layer's pool of V pages.</param>
    /// <param name="element">How the numbers of both are stored.</param>
    /// <param name="kvHeads">Heads of K and V.</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="source">The page that is read.</param>
    /// <param name="destination">The page that is written, another one.</param>
    /// <param name="positions">How many positions, 0 to 64.</param>
    public static void Cpu(
        void* kPool, void* vPool, KvElement element, int kvHeads, int headDim, int source, int destination, int positions)
    {
        int bytes = KvLayout.NumberBytes(element);
        for (int head = 0; head < kvHeads; head++)
        {
            byte* from = KvLayout.Tile(kPool, element, source, kvHeads, head, headDim);
            byte* to = KvLayout.Tile(kPool, element, destination, kvHeads, head, headDim);
            for (int row = 0; row < KvLayout.TileFloats(headDim); row += KvLayout.PagePositions)
                Copy(from + (row * bytes), to + (row * bytes), positions * bytes);
            if (element == KvElement.Q8)
                Copy((byte*)KvLayout.Scales(from, headDim), (byte*)KvLayout.Scales(to, headDim), positions * sizeof(float));

            from = KvLayout.Tile(vPool, element, source, kvHeads, head, headDim);
            to = KvLayout.Tile(vPool, element, destination, kvHeads, head, headDim);
            Copy(from, to, positions * headDim * bytes);
            if (element == KvElement.Q8)
                Copy((byte*)KvLayout.Scales(from, headDim), (byte*)KvLayout.Scales(to, headDim), positions * sizeof(float));
        }
    }

    private static void Copy(byte* source, byte* destination, int bytes) =>
        new ReadOnlySpan<byte>(source, bytes).CopyTo(new Span<byte>(destination, bytes));
}
