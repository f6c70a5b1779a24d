namespace ChainOfSpot.Kernels;

/// <summary>
/// Weights in the layout that the int8 product streams: panels of <see cref="Int8Tile.Columns"/> rows, the last one filled up
/// with zeros, each a run of packed blocks along K. About as many bytes as in the file.
/// </summary>
public static unsafe class PackedPanels
{
    /// <summary>Whether rows of <paramref name="k"/> weights of this type can be packed.</summary>
    public static bool Supports(ElementType type, int k) => Block(type) is { } block && k % block.Length == 0;

    /// <summary>Panels of <paramref name="rows"/> weight rows.</summary>
    public static int Count(int rows) => (rows + Int8Tile.Columns - 1) / Int8Tile.Columns;

    /// <summary>Bytes of one panel.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type cannot be packed.</exception>
    public static long ByteLength(ElementType type, int k)
    {
        (int length, int bytes) = Block(type) ?? throw Unsupported(type);
        return (long)(k / length) * bytes;
    }

    /// <summary>Weights of one row in a packed block.</summary>
    internal static int BlockLength(ElementType type) => (Block(type) ?? throw Unsupported(type)).Length;

    /// <summary>Packs rows as the file stores them into panel <paramref name="panel"/>, the memory of which begins with <paramref name="packed"/>.</summary>
    /// <param name="weight">Rows of a type that <see cref="Supports"/> names.</param>
    /// <param name="k">K.</param>
    /// <param name="panel">The panel's number.</param>
    /// <param name="packed"><see cref="ByteLength"/> bytes.</param>
    public static void Pack(in WeightSegment weight, int k, int panel, byte* packed)
    {
        switch (weight.Type)
        {
            case ElementType.Q8_0:
                Pack<PackedQ8_0>(weight, k, panel, packed);
                break;
            case ElementType.Q4_0:
                Pack<PackedQ4_0>(weight, k, panel, packed);
                break;
            case ElementType.Q4_1:
                Pack<PackedQ4_1>(weight, k, panel, packed);
                break;
            case ElementType.Q5_0:
                Pack<PackedQ5_0>(weight, k, panel, packed);
                break;
            case ElementType.Q5_1:
                Pack<PackedQ5_1>(weight, k, panel, packed);
                break;
            case ElementType.Q2_K:
                Pack<PackedQ2_K>(weight, k, panel, packed);
                break;
            case ElementType.Q3_K:
                Pack<PackedQ3_K>(weight, k, panel, packed);
                break;
            case ElementType.Q4_K:
                Pack<PackedQ4_K>(weight, k, panel, packed);
                break;
            case ElementType.Q5_K:
                Pack<PackedQ5_K>(weight, k, panel, packed);
                break;
            case ElementType.Q6_K:
                Pack<PackedQ6_K>(weight, k, panel, packed);
                break;
            case ElementType.IQ4_NL:
                Pack<PackedIQ4_NL>(weight, k, panel, packed);
                break;
            case ElementType.IQ4_XS:
                Pack<PackedIQ4_XS>(weight, k, panel, packed);
                break;
            default:
                throw Unsupported(weight.Type);
        }
    }

    /// <summary>A block's weights and packed bytes; nothing for types that stay as they are.</summary>
    private static (int Length, int Bytes)? Block(ElementType type) => type switch
    {
        ElementType.Q8_0 => (PackedQ8_0.Length, PackedQ8_0.Bytes),
        ElementType.Q4_0 => (PackedQ4_0.Length, PackedQ4_0.Bytes),
        ElementType.Q4_1 => (PackedQ4_1.Length, PackedQ4_1.Bytes),
        ElementType.Q5_0 => (PackedQ5_0.Length, PackedQ5_0.Bytes),
        ElementType.Q5_1 => (PackedQ5_1.Length, PackedQ5_1.Bytes),
        ElementType.Q2_K => (PackedQ2_K.Length, PackedQ2_K.Bytes),
        ElementType.Q3_K => (PackedQ3_K.Length, PackedQ3_K.Bytes),
        ElementType.Q4_K => (PackedQ4_K.Length, PackedQ4_K.Bytes),
        ElementType.Q5_K => (PackedQ5_K.Length, PackedQ5_K.Bytes),
        ElementType.Q6_K => (PackedQ6_K.Length, PackedQ6_K.Bytes),
        ElementType.IQ4_NL => (PackedIQ4_NL.Length, PackedIQ4_NL.Bytes),
        ElementType.IQ4_XS => (PackedIQ4_XS.Length, PackedIQ4_XS.Bytes),
        _ => null,
    };

    internal static ArgumentOutOfRangeException Unsupported(ElementType type) =>
        new(nameof(type), type, "Weights of this type cannot be packed for the int8 product.");

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
}
