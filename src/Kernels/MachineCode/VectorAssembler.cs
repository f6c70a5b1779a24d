using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels.MachineCode;

/// <summary>
/// Vector instructions for functions that exist with registers of 512 and of 256 bits, which are named by their numbers. With 256 bits
/// it takes the encoding that CPUs without AVX-512 know.
/// </summary>
internal class VectorAssembler
{
    private readonly Assembler _assembler;
    private readonly bool _wide;

    /// <param name="assembler">Where the instructions go.</param>
    /// <param name="vectorBits">512 or 256.</param>
    public VectorAssembler(Assembler assembler, int vectorBits)
    {
        _assembler = assembler;
        _wide = vectorBits == 512;
        Bytes = vectorBits / 8;
        assembler.PreferVex = !_wide;
    }

    /// <summary>Takes what is no vector instruction.</summary>
    public Assembler Assembler => _assembler;

    /// <summary>Bytes of a vector.</summary>
    public int Bytes { get; }

    public void Clear(int register) => _assembler.vpxor(Xmm(register), Xmm(register), Xmm(register));

    public void Move(int register, int other)
    {
        if (_wide)
            _assembler.vmovdqa32(Zmm(register), Zmm(other));
        else
            _assembler.vmovdqa(Ymm(register), Ymm(other));
    }

    /// <summary>The same 32 bits in every lane; changes r10.</summary>
    public void Fill(int register, uint value)
    {
        _assembler.mov(r10d, value);
        _assembler.vmovd(Xmm(register), r10d);
        if (_wide)
            _assembler.vpbroadcastd(Zmm(register), Xmm(register));
        else
            _assembler.vpbroadcastd(Ymm(register), Xmm(register));
    }

    /// <summary>Puts 16 bytes into every 128 bits; changes r10.</summary>
    public void LoadTable(int register, ReadOnlySpan<byte> table)
    {
        _assembler.mov(r10, BitConverter.ToUInt64(table));
        _assembler.vmovq(Xmm(register), r10);
        _assembler.mov(r10, BitConverter.ToUInt64(table[sizeof(ulong)..]));
        _assembler.vpinsrq(Xmm(register), Xmm(register), r10, 1);
        if (_wide)
            _assembler.vshufi32x4(Zmm(register), Zmm(register), Zmm(register), 0);
        else
            _assembler.vinserti128(Ymm(register), Ymm(register), Xmm(register), 1);
    }

    /// <summary>Loads bytes and shifts them to the right, to the left where <paramref name="shift"/> is negative, under a mask.</summary>
    public void LoadBits(int register, AssemblerMemoryOperand source, int shift, int? mask)
    {
        if (_wide)
        {
            AssemblerRegisterZMM bits = Zmm(register);
            _assembler.vmovdqu32(bits, __zmmword_ptr[source]);
            if (shift > 0)
                _assembler.vpsrlw(bits, bits, (byte)shift);
            else if (shift < 0)
                _assembler.vpsllw(bits, bits, (byte)-shift);
            if (mask is { } number)
                _assembler.vpandd(bits, bits, Zmm(number));
        }
        else
        {
            AssemblerRegisterYMM bits = Ymm(register);
            _assembler.vmovdqu(bits, __ymmword_ptr[source]);
            if (shift > 0)
                _assembler.vpsrlw(bits, bits, (byte)shift);
            else if (shift < 0)
                _assembler.vpsllw(bits, bits, (byte)-shift);
            if (mask is { } number)
                _assembler.vpand(bits, bits, Ymm(number));
        }
    }

    public void Or(int register, int other)
    {
        if (_wide)
            _assembler.vpord(Zmm(register), Zmm(register), Zmm(other));
        else
            _assembler.vpor(Ymm(register), Ymm(register), Ymm(other));
    }

    public void Xor(int register, int other)
    {
        if (_wide)
            _assembler.vpxord(Zmm(register), Zmm(register), Zmm(other));
        else
            _assembler.vpxor(Ymm(register), Ymm(register), Ymm(other));
    }

    /// <summary>Bytes below 16 become those of a table that stands in every 128 bits.</summary>
    public void LookUp(int register, int table)
    {
        if (_wide)
            _assembler.vpshufb(Zmm(register), Zmm(table), Zmm(register));
        else
            _assembler.vpshufb(Ymm(register), Ymm(table), Ymm(register));
    }

    public void BroadcastInt32(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            _assembler.vpbroadcastd(Zmm(register), __dword_ptr[source]);
        else
            _assembler.vpbroadcastd(Ymm(register), __dword_ptr[source]);
    }

    public void BroadcastSingle(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            _assembler.vbroadcastss(Zmm(register), __dword_ptr[source]);
        else
            _assembler.vbroadcastss(Ymm(register), __dword_ptr[source]);
    }

    public void ShiftLeft32(int register, int bits)
    {
        if (_wide)
            _assembler.vpslld(Zmm(register), Zmm(register), (byte)bits);
        else
            _assembler.vpslld(Ymm(register), Ymm(register), (byte)bits);
    }

    public void AddInt32(int register, int other)
    {
        if (_wide)
            _assembler.vpaddd(Zmm(register), Zmm(register), Zmm(other));
        else
            _assembler.vpaddd(Ymm(register), Ymm(register), Ymm(other));
    }

    public void SubtractInt32(int register, int other)
    {
        if (_wide)
            _assembler.vpsubd(Zmm(register), Zmm(register), Zmm(other));
        else
            _assembler.vpsubd(Ymm(register), Ymm(register), Ymm(other));
    }

    public void ToSingle(int register)
    {
        if (_wide)
            _assembler.vcvtdq2ps(Zmm(register), Zmm(register));
        else
            _assembler.vcvtdq2ps(Ymm(register), Ymm(register));
    }

    /// <summary>register = x · memory.</summary>
    public void Multiply(int register, int x, AssemblerMemoryOperand y)
    {
        if (_wide)
            _assembler.vmulps(Zmm(register), Zmm(x), __zmmword_ptr[y]);
        else
            _assembler.vmulps(Ymm(register), Ymm(x), __ymmword_ptr[y]);
    }

    /// <summary>register = x · y.</summary>
    public void Multiply(int register, int x, int y)
    {
        if (_wide)
            _assembler.vmulps(Zmm(register), Zmm(x), Zmm(y));
        else
            _assembler.vmulps(Ymm(register), Ymm(x), Ymm(y));
    }

    /// <summary>register = register · other + memory.</summary>
    public void MultiplyAdd(int register, int other, AssemblerMemoryOperand addend)
    {
        if (_wide)
            _assembler.vfmadd213ps(Zmm(register), Zmm(other), __zmmword_ptr[addend]);
        else
            _assembler.vfmadd213ps(Ymm(register), Ymm(other), __ymmword_ptr[addend]);
    }

    /// <summary>sum ± x · memory.</summary>
    public void AddProduct(int sum, int x, AssemblerMemoryOperand y, bool negated)
    {
        if (_wide && negated)
            _assembler.vfnmadd231ps(Zmm(sum), Zmm(x), __zmmword_ptr[y]);
        else if (_wide)
            _assembler.vfmadd231ps(Zmm(sum), Zmm(x), __zmmword_ptr[y]);
        else if (negated)
            _assembler.vfnmadd231ps(Ymm(sum), Ymm(x), __ymmword_ptr[y]);
        else
            _assembler.vfmadd231ps(Ymm(sum), Ymm(x), __ymmword_ptr[y]);
    }

    /// <summary>sum ± x · y.</summary>
    public void AddProduct(int sum, int x, int y, bool negated)
    {
        if (_wide && negated)
            _assembler.vfnmadd231ps(Zmm(sum), Zmm(x), Zmm(y));
        else if (_wide)
            _assembler.vfmadd231ps(Zmm(sum), Zmm(x), Zmm(y));
        else if (negated)
            _assembler.vfnmadd231ps(Ymm(sum), Ymm(x), Ymm(y));
        else
            _assembler.vfmadd231ps(Ymm(sum), Ymm(x), Ymm(y));
    }

    public void Load(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            _assembler.vmovups(Zmm(register), __zmmword_ptr[source]);
        else
            _assembler.vmovups(Ymm(register), __ymmword_ptr[source]);
    }

    public void Store(AssemblerMemoryOperand destination, int register)
    {
        if (_wide)
            _assembler.vmovups(__zmmword_ptr[destination], Zmm(register));
        else
            _assembler.vmovups(__ymmword_ptr[destination], Ymm(register));
    }

    public void WidenHalves(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            _assembler.vcvtph2ps(Zmm(register), __ymmword_ptr[source]);
        else
            _assembler.vcvtph2ps(Ymm(register), __xmmword_ptr[source]);
    }

    /// <summary>fp16 in the lower half of a vector to fp32.</summary>
    public void WidenHalves(int register, int halves)
    {
        if (_wide)
            _assembler.vcvtph2ps(Zmm(register), Ymm(halves));
        else
            _assembler.vcvtph2ps(Ymm(register), Xmm(halves));
    }

    public void MoveUpperHalf(int register, int source)
    {
        if (_wide)
            _assembler.vextracti64x4(Ymm(register), Zmm(source), 1);
        else
            _assembler.vextracti128(Xmm(register), Ymm(source), 1);
    }

    /// <summary>Signed bytes to int32.</summary>
    public void WidenBytes(int register, AssemblerMemoryOperand source)
    {
        if (_wide)
            _assembler.vpmovsxbd(Zmm(register), __xmmword_ptr[source]);
        else
            _assembler.vpmovsxbd(Ymm(register), __qword_ptr[source]);
    }

    protected static AssemblerRegisterXMM Xmm(int number) => new(Register.XMM0 + number);

    protected static AssemblerRegisterYMM Ymm(int number) => new(Register.YMM0 + number);

    protected static AssemblerRegisterZMM Zmm(int number) => new(Register.ZMM0 + number);
}
