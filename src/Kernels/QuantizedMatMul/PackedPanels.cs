namespace ChainOfSpot.Kernels;

/// <summary>
/// Weights in the layout that the int8 product streams: panels of <see cref="Int8Tile.Columns"/> rows, the last one filled up
/// with zeros, each a run of packed blocks along K. About as many bytes as in the file.
/// </summary>
public static unsafe class PackedPanels
{
    /// <summary>Whether rows of <paramref name="k"/> weights of this type can be packed.</summary>
    public static bool Supports(ElementType type, int k) => BlockLength(type) is > 0 and int length && k % length == 0;

    /// <summary>Panels of <paramref name="rows"/> weight rows.</summary>
    public static int Count(int rows) => (rows + Int8Tile.Columns - 1) / Int8Tile.Columns;

    /// <summary>Bytes of one panel.</summary>
    public static long ByteLength(ElementType type, int k) => (long)(k / BlockLength(type)) * BlockBytes(type);

    /// <summary>Packs rows as the file stores them into panel <paramref name="panel"/>, the memory of which begins with <paramref name="packed"/>.</summary>
    /// <param name="weight">Rows of a type that <see cref="Supports"/> names.</param>
    /// <param name="k">K.</param>
    /// <param name="panel">The panel's number.</param>
    /// <param name="packed"><see cref="ByteLength"/> bytes.</param>
    public static void Pack(in WeightSegment weight, int k, int panel, byte* packed)
    {
        if (weight.Type == ElementType.Q8_0)
            Pack<PackedQ8_0>(weight, k, panel, packed);
        else
            Pack<PackedQ4_0>(weight, k, panel, packed);
    }

    private static int BlockLength(ElementType type) => type switch
    {
        ElementType.Q8_0 => PackedQ8_0.Length,
        ElementType.Q4_0 => PackedQ4_0.Length,
        _ => 0,
    };

    private static int BlockBytes(ElementType type) => type == ElementType.Q8_0 ? PackedQ8_0.Bytes : PackedQ4_0.Bytes;

    private static void Pack<TFormat>(in WeightSegment weight, int k, int panel, byte* packed)
        where TFormat : IPackedFormat
    {
        int first = panel * Int8Tile.Columns;
        int columns = Math.Min(Int8Tile.Columns, weight.Rows - first);
        long rowBytes = weight.Type.RowBytes(k);
        int blockBytes = (int)weight.Type.RowBytes(TFormat.Length);
        if (columns < Int8Tile.Columns)
            new Span<byte>(packed, checked((int)ByteLength(weight.Type, k))).Clear();
        for (int column = 0; column < columns; column++)
        {
            byte* source = (byte*)weight.Data + ((first + column) * rowBytes);
            byte* destination = packed;
            for (int i = 0; i < k; i += TFormat.Length)
            {
                TFormat.Pack(source, destination, column);
                source += blockBytes;
                destination += TFormat.Bytes;
            }
        }
    }
}
