namespace ChainOfSpot.Kernels;

/// <summary>
/// y[r] = table[ids[r]], widened to fp32 exactly: token embedding, or picking rows of an activation.
/// <para>Shapes: table [tableRows, columns] F32, F16 or BF16; ids [rows]; y [rows, columns] fp32; rows may lie apart.</para>
/// <para>Moves (element size + 4) bytes an element.</para>
/// </summary>
public static unsafe partial class GatherRows
{
    /// <summary>The definition of one element.</summary>
    /// <param name="table">The first element of the table.</param>
    /// <param name="type">How the table is stored.</param>
    /// <param name="index">The element's number.</param>
    /// <exception cref="ArgumentException">The type has no fp32 value.</exception>
    public static float Define(void* table, ElementType type, long index) => type switch
    {
        ElementType.F32 => ((float*)table)[index],
        ElementType.F16 => (float)((Half*)table)[index],
        ElementType.BF16 => BitConverter.Int32BitsToSingle(((ushort*)table)[index] << 16),
        _ => throw UnknownType(type),
    };

    private static ArgumentException UnknownType(ElementType type) =>
        new($"Rows are gathered from tables of F32, F16 or BF16, not {type}.", nameof(type));
}
