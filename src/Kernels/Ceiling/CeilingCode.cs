using System.Runtime.InteropServices;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>The operand of a <see cref="CeilingCode"/> loop.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct CeilingArguments
{
    /// <summary>For the callee.</summary>
    public SavedRegisters Saved;

    /// <summary>How often it loops, at least once.</summary>
    public long Loops;
}

/// <summary>Assembled loops of nothing but dot products in registers: the roofs of the assembled tiles.</summary>
public static class CeilingCode
{
    /// <summary>Independent sums: enough to hide the latency of a dot product.</summary>
    private const int Chains = 12;

    /// <summary>Operations of one loop of int8 dot products: 64 products in each of <see cref="Chains"/>, two operations each.</summary>
    public const long Int8Operations = Chains * 64 * 2;

    /// <summary>Operations of one loop of bf16 dot products: 32 products in each of <see cref="Chains"/>, two operations each.</summary>
    public const long BFloat16Operations = Chains * 32 * 2;

    /// <summary>Assembles the loop of int8 dot products, void f(CeilingArguments*).</summary>
    public static byte[] AssembleInt8(CallConvention convention) =>
        MachineFunction.Assemble(convention, assembler => Emit(assembler, sum => assembler.vpdpbusd(sum, zmm30, zmm31)));

    /// <summary>Assembles the loop of bf16 dot products, void f(CeilingArguments*).</summary>
    public static byte[] AssembleBFloat16(CallConvention convention) =>
        MachineFunction.Assemble(convention, assembler => Emit(assembler, sum => assembler.vdpbf16ps(sum, zmm30, zmm31)));

    /// <summary>Runs an assembled loop.</summary>
    /// <param name="function">Its address in executable memory.</param>
    /// <param name="loops">How often it loops.</param>
    public static unsafe void Run(nint function, long loops)
    {
        var arguments = new CeilingArguments { Loops = loops };
        ((delegate* unmanaged<CeilingArguments*, void>)function)(&arguments);
    }

    private static void Emit(Assembler assembler, Action<AssemblerRegisterZMM> multiply)
    {
        for (int i = 0; i < 32; i++)
            assembler.vpxord(Vector(i), Vector(i), Vector(i));
        assembler.mov(rax, __qword_ptr[rcx + (int)Marshal.OffsetOf<CeilingArguments>(nameof(CeilingArguments.Loops))]);
        Label loop = assembler.CreateLabel();
        assembler.Label(ref loop);
        for (int i = 0; i < Chains; i++)
            multiply(Vector(i));
        assembler.dec(rax);
        assembler.jne(loop);
    }

    private static AssemblerRegisterZMM Vector(int number) => new(Register.ZMM0 + number);
}
