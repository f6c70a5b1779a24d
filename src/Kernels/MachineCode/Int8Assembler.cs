using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace ChainOfSpot.Kernels.MachineCode;

/// <summary>
/// Dot products of four bytes for functions that exist with zmm registers (AVX512-VNNI) and with ymm registers (AVX2), which add products
/// in pairs of 16 bits.
/// </summary>
internal class Int8Assembler(Assembler assembler, int vectorBits) : VectorAssembler(assembler, vectorBits)
{
    /// <summary>Whether unsigned bytes are multiplied with signed ones and added in one instruction.</summary>
    public bool HasInt8Dots { get; } = vectorBits == 512;

    /// <summary>The bits of vectors, at most so many, that this CPU has all instructions for; 0 for none.</summary>
    public static int WidestBits(int most) =>
        most >= 512 && MachineFunction.HasInt8Dots ? 512
        : most >= 256 && Avx2.IsSupported && Fma.IsSupported && MachineFunction.HasHalfConversion ? 256
        : 0;

    /// <summary>How many pairs of products of an unsigned quant and a signed byte 16 bits hold.</summary>
    public static int PairsIn16Bits(int largestQuant) => largestQuant switch { <= 15 => 8, <= 31 => 4, <= 63 => 2, _ => 1 };

    /// <summary>sum += dot products of four unsigned quants and activations.</summary>
    public void AddDots(int sum, int quants, int x) => Assembler.vpdpbusd(Zmm(sum), Zmm(quants), Zmm(x));

    /// <summary>Products of unsigned quants and activations, added in pairs in 16 bits.</summary>
    public void MultiplyPairs(int products, int quants, int x) => Assembler.vpmaddubsw(Ymm(products), Ymm(quants), Ymm(x));

    /// <summary>Activations that take the signs of quants: two products with the magnitudes of these are 2 · 128 · 127 at most.</summary>
    public void TakeSigns(int destination, int x, int quants) => Assembler.vpsignb(Ymm(destination), Ymm(x), Ymm(quants));

    /// <summary>Signed bytes without their signs.</summary>
    public void Magnitudes(int destination, int quants) => Assembler.vpabsb(Ymm(destination), Ymm(quants));

    public void AddInt16(int register, int other) => Assembler.vpaddw(Ymm(register), Ymm(register), Ymm(other));

    /// <summary>Adds neighbours of 16 bits in 32.</summary>
    public void WidenPairs(int register, int ones) => Assembler.vpmaddwd(Ymm(register), Ymm(register), Ymm(ones));

    /// <summary>Ones of 16 bits, with which pairs are widened; changes r10.</summary>
    public void FillOnes(int register) => Fill(register, 0x00010001);
}
