using System.Runtime.InteropServices;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of one bf16 tile: R rows of activations by <see cref="BFloat16TileCode.Columns"/> weight rows.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct BFloat16TileArguments
{
    /// <summary>For the callee.</summary>
    public SavedRegisters Saved;

    /// <summary>bf16 activations, the pairs of the first row.</summary>
    public ushort* A;

    /// <summary>Bytes from a row to the next.</summary>
    public nint AStride;

    /// <summary>bf16 weights [pair of products][column][2].</summary>
    public ushort* Weights;

    /// <summary>Pairs of products, at least one.</summary>
    public long Pairs;

    /// <summary>fp32 [row][column], <see cref="BFloat16TileCode.Columns"/> apart; read and written.</summary>
    public float* Sums;
}

/// <summary>
/// The bf16 tile in AVX512-BF16: up to 6 rows by 4 vectors of 16 columns, 24 fp32 accumulators. For each pair of products in ascending
/// order, sums[r, n] += a[r, 2p] w[n, 2p] + a[r, 2p + 1] w[n, 2p + 1] as the instruction rounds it.
/// </summary>
public static class BFloat16TileCode
{
    /// <summary>Weight rows, outputs, of a tile.</summary>
    public const int Columns = 64;

    /// <summary>The most rows of a tile.</summary>
    public const int MostRows = 6;

    private const int Vectors = 4;
    private const int VectorBytes = 64;

    /// <summary>Whether this CPU runs the code.</summary>
    public static bool IsSupported => MachineFunction.HasBFloat16Dots;

    /// <summary>Assembles the function: void f(BFloat16TileArguments*).</summary>
    /// <param name="rows">Rows of activations, 1 to <see cref="MostRows"/>.</param>
    /// <param name="convention">How it is called.</param>
    public static byte[] Assemble(int rows, CallConvention convention) => MachineFunction.Assemble(convention, assembler => Emit(assembler, rows));

    private static void Emit(Assembler assembler, int rows)
    {
        assembler.mov(rax, Field(nameof(BFloat16TileArguments.A)));
        assembler.mov(r8, Field(nameof(BFloat16TileArguments.AStride)));
        assembler.mov(r9, Field(nameof(BFloat16TileArguments.Weights)));
        assembler.mov(r10, Field(nameof(BFloat16TileArguments.Pairs)));
        assembler.mov(r11, Field(nameof(BFloat16TileArguments.Sums)));
        assembler.lea(rdx, __[rax + r8 * 2]);
        assembler.add(rdx, r8);
        ForSums((sum, total) => assembler.vmovups(sum, total));
        Label pair = assembler.CreateLabel();
        assembler.Label(ref pair);
        for (int vector = 0; vector < Vectors; vector++)
            assembler.vmovdqu32(Weight(vector), __zmmword_ptr[r9 + (vector * VectorBytes)]);
        for (int row = 0; row < rows; row++)
        {
            AssemblerRegisterZMM broadcast = row % 2 == 0 ? zmm28 : zmm29;
            AssemblerRegister64 start = row < 3 ? rax : rdx;
            assembler.vpbroadcastd(broadcast, (row % 3) switch
            {
                0 => __dword_ptr[start],
                1 => __dword_ptr[start + r8],
                _ => __dword_ptr[start + r8 * 2],
            });
            for (int vector = 0; vector < Vectors; vector++)
                assembler.vdpbf16ps(Sum(row, vector), Weight(vector), broadcast);
        }
        assembler.add(r9, Vectors * VectorBytes);
        assembler.add(rax, 2 * sizeof(ushort));
        assembler.add(rdx, 2 * sizeof(ushort));
        assembler.dec(r10);
        assembler.jne(pair);
        ForSums((sum, total) => assembler.vmovups(total, sum));

        void ForSums(Action<AssemblerRegisterZMM, AssemblerMemoryOperand> move)
        {
            for (int i = 0; i < rows * Vectors; i++)
                move(Sum(0, i), __zmmword_ptr[r11 + (i * VectorBytes)]);
        }
    }

    private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rcx + (int)Marshal.OffsetOf<BFloat16TileArguments>(name)];

    private static AssemblerRegisterZMM Sum(int row, int vector) => new(Register.ZMM0 + (row * Vectors) + vector);

    private static AssemblerRegisterZMM Weight(int vector) => new(Register.ZMM24 + vector);
}
