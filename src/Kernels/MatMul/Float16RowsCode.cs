using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="Float16RowsCode"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct Float16RowsArguments
{
    /// <summary>For the callee.</summary>
    public SavedRegisters Saved;

    /// <summary>fp32 activations.</summary>
    public float* A;

    /// <summary>fp16 weights of the first row.</summary>
    public byte* Weights;

    /// <summary>Bytes from a row to the next.</summary>
    public nint RowStep;

    /// <summary>Cache lines of each row, at least one; written.</summary>
    public long Lines;

    /// <summary>Cache lines of a chunk.</summary>
    public long ChunkLines;

    /// <summary>fp32 [chunk][row][lane]; written, the pointer too.</summary>
    public float* Lanes;
}

/// <summary>
/// The inner loop of the matrix product of one row of A with eight rows of fp16 weights: for each chunk, lanes[r][j] = sum over s of
/// a[w s + j] W[r, w s + j] for a vector of w lanes, s in ascending order, fused.
/// <para>Widens by vcvtph2ps, which .NET does not offer: two instructions for a vector of products in place of five. The bits are those
/// of the form in .NET.</para>
/// <para>Reads each weight once, a vector of them by one load, in eight streams, and prefetches them <see cref="MatMul.BytesAhead"/> ahead.
/// Loads of half a line, widened as they are loaded, are slower from memory (docs/performance.md).</para>
/// </summary>
public static class Float16RowsCode
{
    /// <summary>Products of a cache line of weights.</summary>
    public const int LineProducts = CacheLine / sizeof(ushort);

    private const int CacheLine = 64;

    /// <summary>Whether this CPU runs the code with vectors of so many bits.</summary>
    public static bool IsSupported(int vectorBits) => vectorBits switch
    {
        512 => Avx512F.IsSupported,
        256 => Avx2.IsSupported && Fma.IsSupported && MachineFunction.HasHalfConversion,
        _ => false,
    };

    /// <summary>Assembles the function: void f(Float16RowsArguments*).</summary>
    /// <param name="vectorBits">512 or 256.</param>
    /// <param name="convention">How it is called.</param>
    public static byte[] Assemble(int vectorBits, CallConvention convention) =>
        MachineFunction.Assemble(convention, assembler => Emit(assembler, vectorBits));

    /// <summary>Runs the assembled function at an address on the whole lines of eight rows' chunks.</summary>
    internal static unsafe void Run(nint function, float* a, byte* weights, nint rowStep, int chunkLength, int length, float* lanes)
    {
        if (length < LineProducts)
            return;
        var arguments = new Float16RowsArguments
        {
            A = a,
            Weights = weights,
            RowStep = rowStep,
            Lines = length / LineProducts,
            ChunkLines = chunkLength / LineProducts,
            Lanes = lanes,
        };
        ((delegate* unmanaged[SuppressGCTransition]<Float16RowsArguments*, void>)function)(&arguments);
    }

    private static void Emit(Assembler assembler, int vectorBits)
    {
        var v = new VectorAssembler(assembler, vectorBits);
        int steps = LineProducts * sizeof(float) / v.Bytes;
        assembler.mov(rax, Field(nameof(Float16RowsArguments.A)));
        assembler.mov(r9, Field(nameof(Float16RowsArguments.Weights)));
        assembler.mov(r8, Field(nameof(Float16RowsArguments.RowStep)));
        assembler.lea(r10, __[r8 + r8 * 2]);
        assembler.lea(rdx, __[r9 + r10]);
        assembler.lea(r11, __[rdx + r10]);
        Label chunk = assembler.CreateLabel();
        assembler.Label(ref chunk);
        assembler.mov(r10, Field(nameof(Float16RowsArguments.ChunkLines)));
        assembler.cmp(r10, Field(nameof(Float16RowsArguments.Lines)));
        assembler.cmovg(r10, Field(nameof(Float16RowsArguments.Lines)));
        assembler.sub(Field(nameof(Float16RowsArguments.Lines)), r10);
        for (int row = 0; row < MatMul.Bands; row++)
            v.Clear(row);
        Label line = assembler.CreateLabel();
        assembler.Label(ref line);
        for (int step = 0; step < steps; step++)
            v.Load(Activations(step), rax + (step * v.Bytes));
        for (int row = 0; row < MatMul.Bands; row++)
            assembler.prefetcht1(__byte_ptr[Weights(row) + MatMul.BytesAhead]);
        for (int row = 0; row < MatMul.Bands; row++)
        {
            for (int part = 0; part < steps / 2; part++)
            {
                int upper = Widened((row * steps) + (2 * part));
                int lower = Widened((row * steps) + (2 * part) + 1);
                v.Load(upper, Weights(row) + (part * v.Bytes));
                v.WidenHalves(lower, upper);
                v.AddProduct(row, lower, Activations(2 * part), negated: false);
                v.MoveUpperHalf(upper, upper);
                v.WidenHalves(upper, upper);
                v.AddProduct(row, upper, Activations((2 * part) + 1), negated: false);
            }
        }
        assembler.add(rax, LineProducts * sizeof(float));
        assembler.add(r9, CacheLine);
        assembler.add(rdx, CacheLine);
        assembler.add(r11, CacheLine);
        assembler.dec(r10);
        assembler.jne(line);
        assembler.mov(r10, Field(nameof(Float16RowsArguments.Lanes)));
        for (int row = 0; row < MatMul.Bands; row++)
            v.Store(r10 + (row * v.Bytes), row);
        assembler.add(Field(nameof(Float16RowsArguments.Lanes)), MatMul.Bands * v.Bytes);
        assembler.cmp(Field(nameof(Float16RowsArguments.Lines)), 0);
        assembler.jne(chunk);

        AssemblerMemoryOperand Weights(int row)
        {
            AssemblerRegister64 first = row < 3 ? r9 : row < 6 ? rdx : r11;
            return (row % 3) switch { 0 => __[first], 1 => __[first + r8], _ => __[first + r8 * 2] };
        }

        int Activations(int step) => MatMul.Bands + step;

        int Widened(int index) => MatMul.Bands + 4 + (index % 4);
    }

    private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rcx + (int)Marshal.OffsetOf<Float16RowsArguments>(name)];
}
