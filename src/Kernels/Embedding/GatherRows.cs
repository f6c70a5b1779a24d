using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// y[r] = table[ids[r]], widened or dequantised to fp32 exactly: token embedding, or picking rows of an activation.
/// <para>Shapes: table [tableRows, columns] of any type of weights; ids [rows]; y [rows, columns] fp32; rows may lie apart, in a
/// block format by whole blocks.</para>
/// <para>Moves (element size + 4) bytes an element.</para>
/// </summary>
public static unsafe partial class GatherRows
{
    /// <summary>The definition of one element.</summary>
    /// <param name="table">The first element of the table.</param>
    /// <param name="type">How the table is stored.</param>
    /// <param name="index">The element's number.</param>
    /// <exception cref="ArgumentException">The type has no fp32 value.</exception>
    public static float Define(void* table, ElementType type, long index)
    {
        (long block, long element) = Math.DivRem(index, type.BlockElements());
        float* weights = stackalloc float[ElementTypes.LongestBlock];
        Dequantize.Row(type, (byte*)table + (block * type.BlockBytes()), type.BlockElements(), weights);
        return weights[element];
    }
}
