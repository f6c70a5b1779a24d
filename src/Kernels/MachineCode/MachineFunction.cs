using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels.MachineCode;

/// <summary>
/// Machine code for what .NET's intrinsics do not offer. A function takes one pointer to its arguments, which begin with
/// <see cref="SavedRegisters"/>, and may use rax, rcx, rdx, r8 to r11 and all vector registers; it calls nothing. The bytes
/// run at any address, once they are in executable memory.
/// </summary>
internal static class MachineFunction
{
    private const int FirstSaved = 6;
    private const int LastSaved = 15;

    /// <summary>Whether this CPU and system run zmm registers with the int8 dot product (AVX512-VNNI).</summary>
    public static bool HasInt8Dots => Avx512BW.IsSupported && HasFeature(leaf: 7, subleaf: 0, register: 2, bit: 11);

    /// <summary>Whether this CPU and system run zmm registers with the bf16 dot product (AVX512-BF16).</summary>
    public static bool HasBFloat16Dots => Avx512BW.IsSupported && HasFeature(leaf: 7, subleaf: 1, register: 0, bit: 5);

    /// <summary>Whether this CPU widens fp16 in ymm registers (F16C).</summary>
    public static bool HasHalfConversion => Avx.IsSupported && HasFeature(leaf: 1, subleaf: 0, register: 2, bit: 29);

    /// <summary>The function that loads its arguments' address into rcx, runs <paramref name="body"/> and returns.</summary>
    public static byte[] Assemble(CallConvention convention, Action<Assembler> body)
    {
        var assembler = new Assembler(64) { PreferVex = false };
        if (convention == CallConvention.SystemV)
            assembler.mov(rcx, rdi);
        else
            ForSaved((register, offset) => assembler.vmovups(__xmmword_ptr[rcx + offset], register));
        body(assembler);
        if (convention == CallConvention.Windows)
            ForSaved((register, offset) => assembler.vmovups(register, __xmmword_ptr[rcx + offset]));
        assembler.vzeroupper();
        assembler.ret();
        using var code = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(code), rip: 0);
        return code.ToArray();
    }

    private static void ForSaved(Action<AssemblerRegisterXMM, int> move)
    {
        for (int i = FirstSaved; i <= LastSaved; i++)
            move(new AssemblerRegisterXMM(Register.XMM0 + i), (i - FirstSaved) * 16);
    }

    /// <summary>A bit of CPUID (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).</summary>
    private static bool HasFeature(int leaf, int subleaf, int register, int bit)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(leaf, subleaf);
        ReadOnlySpan<int> registers = [eax, ebx, ecx, edx];
        return (registers[register] & (1 << bit)) != 0;
    }
}
