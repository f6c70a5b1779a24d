using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The registers of <see cref="PackedRowCode"/>, and what it does with zmm registers (AVX512-VNNI) or ymm registers (AVX2) alone. Sixteen
/// of these are enough.
/// </summary>
internal sealed class PackedRowVectors(Assembler assembler, int vectorBits) : Int8Assembler(assembler, vectorBits)
{
    /// <summary>Vectors of four bytes of all columns.</summary>
    public int Count => PackedBlocks.StepBytes / Bytes;

    /// <summary>Registers that hold sums; the first ones.</summary>
    public int SumCount => HasInt8Dots ? 16 : 8;

    /// <summary>Quants of a vector of columns.</summary>
    public int Quants => HasInt8Dots ? 20 : 9;

    /// <summary>The scale of the weights, once their quants are multiplied.</summary>
    public int Scale => Quants;

    /// <summary>Upper bits of quants, then the scaled sum of a group's activations or the sums of a first group.</summary>
    public int Upper => Quants + 1;

    /// <summary>The scale of the activations.</summary>
    public int D => Quants + 2;

    /// <summary>The mask of lower bits; the sign of bytes that have no mask.</summary>
    public int LowMask => Quants + 3;

    /// <summary>The mask of upper bits.</summary>
    public int HighMask => Quants + 4;

    /// <summary>The table that quants are looked up in: formats with upper bits have none.</summary>
    public int Levels => HighMask;

    /// <summary>The factor of a scale.</summary>
    public int Factor => Pairs;

    /// <summary>Ones of 16 bits, with which pairs are widened.</summary>
    public int Ones => Quants + 5;

    /// <summary>Sums of a run of products in 16 bits.</summary>
    public int Pairs => Quants + 6;

    /// <summary>Four activations of one of the blocks together, then what is added to all sums of a group.</summary>
    public int X(int block) => HasInt8Dots ? 16 + block : 8;
}
