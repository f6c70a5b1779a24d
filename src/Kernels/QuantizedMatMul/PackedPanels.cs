namespace ChainOfSpot.Kernels;

/// <summary>
/// Weights in the layout that the int8 product streams: panels of <see cref="Int8Tile.Columns"/> rows, the last one filled up
/// with zeros, each a run of packed blocks along K. About as many bytes as in the file.
/// </summary>
public static unsafe class PackedPanels
{
    /// <summary>Whether rows of <paramref name="k"/> weights of this type can be packed.</summary>
    public static bool Supports(ElementType type, int k)
    {
        var block = new BlockSize();
        return PackedFormats.TryUse(type, ref block) && k % block.Length == 0;
    }

    /// <summary>Panels of <paramref name="rows"/> weight rows.</summary>
    public static int Count(int rows) => (rows + Int8Tile.Columns - 1) / Int8Tile.Columns;

    /// <summary>Bytes of one panel.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type cannot be packed.</exception>
    public static long ByteLength(ElementType type, int k)
    {
        BlockSize block = Block(type);
        return (long)(k / block.Length) * block.Bytes;
    }

    /// <summary>Weights of one row in a packed block.</summary>
    internal static int BlockLength(ElementType type) => Block(type).Length;

    /// <summary>Packs rows as the file stores them into panel <paramref name="panel"/>, the memory of which begins with <paramref name="packed"/>.</summary>
    /// <param name="weight">Rows of a type that <see cref="Supports"/> names.</param>
    /// <param name="k">K.</param>
    /// <param name="panel">The panel's number.</param>
    /// <param name="packed"><see cref="ByteLength"/> bytes.</param>
    public static void Pack(in WeightSegment weight, int k, int panel, byte* packed)
    {
        var packing = new Packing(weight, k, panel, packed);
        PackedFormats.Use(weight.Type, ref packing);
    }

    private static BlockSize Block(ElementType type)
    {
        var block = new BlockSize();
        PackedFormats.Use(type, ref block);
        return block;
    }

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
            byte* source = (byte*)weight.Data + (weight.StoredRow(first + column) * rowBytes);
            byte* destination = packed;
            for (int i = 0; i < k; i += TFormat.Length)
            {
                TFormat.Pack(source, destination, column);
                source += blockBytes;
                destination += TFormat.Bytes;
            }
        }
    }

    private readonly struct Packing(WeightSegment weight, int k, int panel, byte* packed) : IPackedFormatUse
    {
        private readonly WeightSegment _weight = weight;

        public void With<TFormat>()
            where TFormat : IPackedFormat => Pack<TFormat>(_weight, k, panel, packed);
    }

    /// <summary>A block's weights and packed bytes.</summary>
    private struct BlockSize : IPackedFormatUse
    {
        public int Length { get; private set; }

        public int Bytes { get; private set; }

        public void With<TFormat>()
            where TFormat : IPackedFormat => (Length, Bytes) = (TFormat.Length, TFormat.Bytes);
    }
}
