using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// How the numbers of a tensor are stored. The types from <see cref="Q4_0"/> on are ggml's block formats: a fixed count of
/// consecutive weights of one row shares its scales in one block, so that a single weight has no address of its own.
/// </summary>
public enum ElementType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,

    /// <summary>Signed 32-bit integer: token ids, positions, page numbers, offsets.</summary>
    I32,

    /// <summary>Signed 64-bit integer; met in checkpoints only.</summary>
    I64,

    /// <summary>Unsigned byte: picture samples.</summary>
    U8,

    /// <summary>32 weights in a <see cref="BlockQ4_0"/>: 4.5 bits a weight.</summary>
    Q4_0,

    /// <summary>32 weights in a <see cref="BlockQ4_1"/>: 5 bits a weight.</summary>
    Q4_1,

    /// <summary>32 weights in a <see cref="BlockQ5_0"/>: 5.5 bits a weight.</summary>
    Q5_0,

    /// <summary>32 weights in a <see cref="BlockQ5_1"/>: 6 bits a weight.</summary>
    Q5_1,

    /// <summary>32 weights in a <see cref="BlockQ8_0"/>: 8.5 bits a weight.</summary>
    Q8_0,

    /// <summary>256 weights in a <see cref="BlockQ2_K"/>: 2.625 bits a weight.</summary>
    Q2_K,

    /// <summary>256 weights in a <see cref="BlockQ3_K"/>: 3.4375 bits a weight.</summary>
    Q3_K,

    /// <summary>256 weights in a <see cref="BlockQ4_K"/>: 4.5 bits a weight.</summary>
    Q4_K,

    /// <summary>256 weights in a <see cref="BlockQ5_K"/>: 5.5 bits a weight.</summary>
    Q5_K,

    /// <summary>256 weights in a <see cref="BlockQ6_K"/>: 6.5625 bits a weight.</summary>
    Q6_K,

    /// <summary>32 weights in a <see cref="BlockIQ4_NL"/>: 4.5 bits a weight.</summary>
    IQ4_NL,

    /// <summary>256 weights in a <see cref="BlockIQ4_XS"/>: 4.25 bits a weight.</summary>
    IQ4_XS,
}

/// <summary>Facts about element types.</summary>
public static class ElementTypes
{
    /// <summary>Elements of the longest block of any type.</summary>
    internal const int LongestBlock = 256;

    /// <summary>Bytes of one element of a plain type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is a block format (or unknown): no element stands alone.</exception>
    public static int Size(this ElementType type) =>
        type.IsQuantized()
            ? throw new ArgumentOutOfRangeException(nameof(type), type, "A block format has no element size; use RowBytes.")
            : type.BlockBytes();

    /// <summary>Whether the type is a block format.</summary>
    public static bool IsQuantized(this ElementType type) => type.BlockElements() > 1;

    /// <summary>Elements of one block; 1 for the plain types.</summary>
    public static int BlockElements(this ElementType type) => type switch
    {
        >= ElementType.F32 and <= ElementType.U8 => 1,
        ElementType.Q4_0 => BlockQ4_0.WeightCount,
        ElementType.Q4_1 => BlockQ4_1.WeightCount,
        ElementType.Q5_0 => BlockQ5_0.WeightCount,
        ElementType.Q5_1 => BlockQ5_1.WeightCount,
        ElementType.Q8_0 => BlockQ8_0.WeightCount,
        ElementType.Q2_K => BlockQ2_K.WeightCount,
        ElementType.Q3_K => BlockQ3_K.WeightCount,
        ElementType.Q4_K => BlockQ4_K.WeightCount,
        ElementType.Q5_K => BlockQ5_K.WeightCount,
        ElementType.Q6_K => BlockQ6_K.WeightCount,
        ElementType.IQ4_NL => BlockIQ4_NL.WeightCount,
        ElementType.IQ4_XS => BlockIQ4_XS.WeightCount,
        _ => throw Unknown(type),
    };

    /// <summary>Bytes of one block; of one element for the plain types.</summary>
    public static unsafe int BlockBytes(this ElementType type) => type switch
    {
        ElementType.F32 or ElementType.I32 => 4,
        ElementType.F16 or ElementType.BF16 => 2,
        ElementType.I64 => 8,
        ElementType.U8 => 1,
        ElementType.Q4_0 => sizeof(BlockQ4_0),
        ElementType.Q4_1 => sizeof(BlockQ4_1),
        ElementType.Q5_0 => sizeof(BlockQ5_0),
        ElementType.Q5_1 => sizeof(BlockQ5_1),
        ElementType.Q8_0 => sizeof(BlockQ8_0),
        ElementType.Q2_K => sizeof(BlockQ2_K),
        ElementType.Q3_K => sizeof(BlockQ3_K),
        ElementType.Q4_K => sizeof(BlockQ4_K),
        ElementType.Q5_K => sizeof(BlockQ5_K),
        ElementType.Q6_K => sizeof(BlockQ6_K),
        ElementType.IQ4_NL => sizeof(BlockIQ4_NL),
        ElementType.IQ4_XS => sizeof(BlockIQ4_XS),
        _ => throw Unknown(type),
    };

    /// <summary>Bytes of one row of <paramref name="columns"/> elements.</summary>
    /// <exception cref="ArgumentException">The row does not end at the end of a block.</exception>
    /// <exception cref="OverflowException">The row has more bytes than 64 bits can count.</exception>
    public static long RowBytes(this ElementType type, long columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        (long blocks, long rest) = Math.DivRem(columns, type.BlockElements());
        if (rest != 0)
            throw new ArgumentException($"A row of {columns} elements is no multiple of {type}'s {type.BlockElements()}.", nameof(columns));
        return checked(blocks * type.BlockBytes());
    }

    private static ArgumentOutOfRangeException Unknown(ElementType type) => new(nameof(type), type, "Unknown element type.");
}
