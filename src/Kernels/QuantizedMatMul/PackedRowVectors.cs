using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The vector instructions of <see cref="PackedRowCode"/>, in zmm registers with AVX512-VNNI or in ymm registers with AVX2, by the
/// numbers of the registers. Sixteen are enough for both.
/// </summary>
internal sealed class PackedRowVectors(Assembler assembler, int vectorBits)
{
    private readonly bool _wide = vectorBits == 512;

    public Assembler Assembler => assembler;

    /// <summary>Whether unsigned bytes are multiplied with signed ones and added in one instruction.</summary>
    public bool HasInt8Dots => _wide;

    /// <summary>Bytes of a vector.</summary>
    public int Bytes => vectorBits / 8;

    /// <summary>Vectors of four bytes of all columns.</summary>
    public int Count => PackedBlocks.StepBytes / Bytes;

    /// <summary>Registers that hold sums; the first ones.</summary>
    public int SumCount => _wide ? 16 : 8;

    /// <summary>Quants of a vector of columns.</summary>
    public int Quants => _wide ? 20 : 9;

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

    private int Ones => Quants + 5;

    /// <summary>Sums of a run of products in 16 bits.</summary>
    public int Pairs => Quants + 6;

    /// <summary>Four activations of one of the blocks together, then what is added to all sums of a group.</summary>
    public int X(int block) => _wide ? 16 + block : 8;

    public void Clear(int register) => assembler.vpxor(Xmm(register), Xmm(register), Xmm(register));

    public void Fill(int register, byte value)
    {
        assembler.mov(r10d, value * 0x01010101u);
        assembler.vmovd(Xmm(register), r10d);
        if (_wide)
            assembler.vpbroadcastd(Zmm(register), Xmm(register));
        else
            assembler.vpbroadcastd(Ymm(register), Xmm(register));
    }

    public void LoadOnes()
    {
        assembler.mov(r10d, 0x00010001);
        assembler.vmovd(Xmm(Ones), r10d);
        assembler.vpbroadcastd(Ymm(Ones), Xmm(Ones));
    }

    /// <summary>Puts 16 bytes into every 128 bits.</summary>
    public void LoadTable(int register, ReadOnlySpan<byte> table)
    {
        assembler.mov(r10, BitConverter.ToUInt64(table));
        assembler.vmovq(Xmm(register), r10);
        assembler.mov(r10, BitConverter.ToUInt64(table[sizeof(ulong)..]));
        assembler.vpinsrq(Xmm(register), Xmm(register), r10, 1);
        if (_wide)
            assembler.vshufi32x4(Zmm(register), Zmm(register), Zmm(register), 0);
        else
            assembler.vinserti128(Ymm(register), Ymm(register), Xmm(register), 1);
    }

    /// <summary>Loads bytes and shifts them to the right, to the left where <paramref name="shift"/> is negative, under a mask.</summary>
    public void LoadBits(int register, AssemblerMemoryOperand source, int shift, int? mask)
    {
        if (_wide)
        {
            AssemblerRegisterZMM bits = Zmm(register);
            assembler.vmovdqu32(bits, __zmmword_ptr[source]);
            if (shift > 0)
                assembler.vpsrlw(bits, bits, (byte)shift);
            else if (shift < 0)
                assembler.vpsllw(bits, bits, (byte)-shift);
            if (mask is { } number)
                assembler.vpandd(bits, bits, Zmm(number));
        }
        else
        {
            AssemblerRegisterYMM bits = Ymm(register);
            assembler.vmovdqu(bits, __ymmword_ptr[source]);
            if (shift > 0)
                assembler.vpsrlw(bits, bits, (byte)shift);
            else if (shift < 0)
                assembler.vpsllw(bits, bits, (byte)-shift);
            if (mask is { } number)
                assembler.vpand(bits, bits, Ymm(number));
        }
    }

    public void Or(int register, int other)
    {
        if (_wide)
            assembler.vpord(Zmm(register), Zmm(register), Zmm(other));
        else
            assembler.vpor(Ymm(register), Ymm(register), Ymm(other));
    }

    public void Xor(int register, int other)
    {
        if (_wide)
            assembler.vpxord(Zmm(register), Zmm(register), Zmm(other));
        else
            assembler.vpxor(Ymm(register), Ymm(register), Ymm(other));
    }

    /// <summary>Bytes below 16 become their <see cref="Levels"/>.</summary>
    public void LookUp(int register)
    {
        if (_wide)
            assembler.vpshufb(Zmm(register), Zmm(Levels), Zmm(register));
        else
            assembler.vpshufb(Ymm(register), Ymm(Levels), Ymm(register));
    }

    /// <summary>sum += dot products of four unsigned quants and activations.</summary>
    public void AddDots(int sum, int quants, int x) => assembler.vpdpbusd(Zmm(sum), Zmm(quants), Zmm(x));

    /// <summary>Products of unsigned quants and activations, in the quants' place, added in pairs in 16 bits.</summary>
    public void MultiplyPairs(int quants, int x) => assembler.vpmaddubsw(Ymm(quants), Ymm(quants), Ymm(x));

    /// <summary>The same of signed quants: the activations take the signs, two products are 2 · 128 · 127 at most.</summary>
    public void MultiplySignedPairs(int quants, int x)
    {
        assembler.vpsignb(Ymm(Pairs), Ymm(x), Ymm(quants));
        assembler.vpabsb(Ymm(quants), Ymm(quants));
        assembler.vpmaddubsw(Ymm(quants), Ymm(quants), Ymm(Pairs));
    }

    public void StartPairs(int pairs) => assembler.vmovdqa(Ymm(Pairs), Ymm(pairs));

    public void AddInt16(int register, int other) => assembler.vpaddw(Ymm(register), Ymm(register), Ymm(other));

    /// <summary>Adds neighbours of 16 bits in 32.</summary>
    public void WidenPairs(int register, int pairs) => assembler.vpmaddwd(Ymm(register), Ymm(pairs), Ymm(Ones));

    public void BroadcastInt32(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            assembler.vpbroadcastd(Zmm(register), __dword_ptr[source]);
        else
            assembler.vpbroadcastd(Ymm(register), __dword_ptr[source]);
    }

    public void BroadcastSingle(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            assembler.vbroadcastss(Zmm(register), __dword_ptr[source]);
        else
            assembler.vbroadcastss(Ymm(register), __dword_ptr[source]);
    }

    public void ShiftLeft32(int register, int bits)
    {
        if (_wide)
            assembler.vpslld(Zmm(register), Zmm(register), (byte)bits);
        else
            assembler.vpslld(Ymm(register), Ymm(register), (byte)bits);
    }

    public void AddInt32(int register, int other)
    {
        if (_wide)
            assembler.vpaddd(Zmm(register), Zmm(register), Zmm(other));
        else
            assembler.vpaddd(Ymm(register), Ymm(register), Ymm(other));
    }

    public void SubtractInt32(int register, int other)
    {
        if (_wide)
            assembler.vpsubd(Zmm(register), Zmm(register), Zmm(other));
        else
            assembler.vpsubd(Ymm(register), Ymm(register), Ymm(other));
    }

    public void ToSingle(int register)
    {
        if (_wide)
            assembler.vcvtdq2ps(Zmm(register), Zmm(register));
        else
            assembler.vcvtdq2ps(Ymm(register), Ymm(register));
    }

    public void Multiply(int register, int other)
    {
        if (_wide)
            assembler.vmulps(Zmm(register), Zmm(register), Zmm(other));
        else
            assembler.vmulps(Ymm(register), Ymm(register), Ymm(other));
    }

    /// <summary>register = register · other + memory.</summary>
    public void MultiplyAdd(int register, int other, AssemblerMemoryOperand addend)
    {
        if (_wide)
            assembler.vfmadd213ps(Zmm(register), Zmm(other), __zmmword_ptr[addend]);
        else
            assembler.vfmadd213ps(Ymm(register), Ymm(other), __ymmword_ptr[addend]);
    }

    /// <summary>sum ± x · y.</summary>
    public void AddProduct(int sum, int x, int y, bool negated)
    {
        if (_wide && negated)
            assembler.vfnmadd231ps(Zmm(sum), Zmm(x), Zmm(y));
        else if (_wide)
            assembler.vfmadd231ps(Zmm(sum), Zmm(x), Zmm(y));
        else if (negated)
            assembler.vfnmadd231ps(Ymm(sum), Ymm(x), Ymm(y));
        else
            assembler.vfmadd231ps(Ymm(sum), Ymm(x), Ymm(y));
    }

    public void Store(AssemblerMemoryOperand destination, int register)
    {
        if (_wide)
            assembler.vmovups(__zmmword_ptr[destination], Zmm(register));
        else
            assembler.vmovups(__ymmword_ptr[destination], Ymm(register));
    }

    public void WidenHalves(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            assembler.vcvtph2ps(Zmm(register), __ymmword_ptr[source]);
        else
            assembler.vcvtph2ps(Ymm(register), __xmmword_ptr[source]);
    }

    /// <summary>Signed bytes to int32.</summary>
    public void WidenBytes(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            assembler.vpmovsxbd(Zmm(register), __xmmword_ptr[source]);
        else
            assembler.vpmovsxbd(Ymm(register), __qword_ptr[source]);
    }

    public void LoadInt32(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            assembler.vmovdqu32(Zmm(register), __zmmword_ptr[source]);
        else
            assembler.vmovdqu(Ymm(register), __ymmword_ptr[source]);
    }

    private static AssemblerRegisterXMM Xmm(int number) => new(Register.XMM0 + number);

    private static AssemblerRegisterYMM Ymm(int number) => new(Register.YMM0 + number);

    private static AssemblerRegisterZMM Zmm(int number) => new(Register.ZMM0 + number);
}
