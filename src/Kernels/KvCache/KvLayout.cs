namespace ChainOfSpot.Kernels;

/// <summary>
/// How the keys and values of one layer lie in the CPU's KV cache: two pools of pages, one for K and one for V. A page is
/// <see cref="PagePositions"/> positions; it holds one contiguous tile for each kv head. A K tile is transposed,
/// [headDim][position], so that the scores of a page are whole vectors without horizontal sums; a V tile is
/// [position][headDim].
/// <para>Numbers are as <see cref="KvElement"/> says. In a Q8 pool a number is a signed byte, and behind the bytes of a tile lie the scales of its 64 positions.</para>
/// </summary>
public static unsafe class KvLayout
{
    /// <summary>Positions in a page.</summary>
    public const int PagePositions = 64;

    /// <summary>Floats of one K or V tile: one page of one kv head.</summary>
    public static int TileFloats(int headDim) => PagePositions * headDim;

    /// <summary>Bytes of one number.</summary>
    public static int NumberBytes(KvElement element) => element switch
    {
        KvElement.F32 => sizeof(float),
        KvElement.F16 => sizeof(ushort),
        _ => sizeof(sbyte),
    };

    /// <summary>Bytes of the key or the value of one position and head.</summary>
    public static int HeadBytes(KvElement element, int headDim) =>
        (headDim * NumberBytes(element)) + (element == KvElement.Q8 ? sizeof(float) : 0);

    /// <summary>Bytes of one K or V tile.</summary>
    public static int TileBytes(KvElement element, int headDim) => PagePositions * HeadBytes(element, headDim);

    /// <summary>Bytes of one page in either pool: the tiles of all kv heads.</summary>
    public static long PageBytes(KvElement element, int kvHeads, int headDim) => (long)kvHeads * TileBytes(element, headDim);

    /// <summary>The tile of a page and a kv head in a pool of any element.</summary>
    public static byte* Tile(void* pool, KvElement element, int page, int kvHeads, int kvHead, int headDim) =>
        (byte*)pool + ((((long)page * kvHeads) + kvHead) * TileBytes(element, headDim));

    /// <summary>The scales of a Q8 tile [64].</summary>
    public static float* Scales(byte* tile, int headDim) => (float*)(tile + TileFloats(headDim));

    /// <summary>Floats of one page in either pool: the tiles of all kv heads.</summary>
    public static long PageFloats(int kvHeads, int headDim) => (long)kvHeads * TileFloats(headDim);

    /// <summary>The tile of a page and a kv head in the K or V pool of a layer.</summary>
    public static float* Tile(float* pool, int page, int kvHeads, int kvHead, int headDim) =>
        pool + ((((long)page * kvHeads) + kvHead) * TileFloats(headDim));

    /// <summary>A number of a tile as fp32: halves as they are, of Q8 scale times byte, rounded once.</summary>
    /// <param name="element">How the tile's numbers are stored.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="index">Where the number lies in the tile.</param>
    /// <param name="slot">The position in the page that it belongs to.</param>
    public static float Number(KvElement element, byte* tile, int headDim, int index, int slot) => element switch
    {
        KvElement.F32 => ((float*)tile)[index],
        KvElement.F16 => (float)((Half*)tile)[index],
        _ => ((sbyte*)tile)[index] * Scales(tile, headDim)[slot],
    };
}
