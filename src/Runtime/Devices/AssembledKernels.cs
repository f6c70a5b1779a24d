using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.MachineCode;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The kernels that .NET's intrinsics cannot express, in executable memory; null where the CPU has not the instructions.</summary>
internal sealed unsafe class AssembledKernels : IDisposable
{
    private const int Alignment = 64;
    private const byte Trap = 0xCC;

    private readonly CpuMemory _tables = new(sizeof(Tables), "the addresses of assembled kernels");
    private readonly bool _hasInt8;
    private readonly bool _hasBFloat16;
    private readonly int _codeLength;
    private nint _code;

    private AssembledKernels(Arithmetic arithmetic, int vectorBits)
    {
        CallConvention convention = OperatingSystem.IsWindows() ? CallConvention.Windows : CallConvention.SystemV;
        bool hasFloat16Rows = Float16RowsCode.IsSupported(vectorBits);
        _hasInt8 = vectorBits == 512 && arithmetic == Arithmetic.Fast && Int8TileCode.IsSupported;
        _hasBFloat16 = vectorBits == 512 && arithmetic == Arithmetic.Fast && BFloat16TileCode.IsSupported;
        var code = new List<byte>();
        int[] float16Rows = hasFloat16Rows ? Add([Float16RowsCode.Assemble(vectorBits, convention)]) : [];
        int[] int8 = _hasInt8 ? Add([.. Int8TileFunctions.Assemble(convention), CeilingCode.AssembleInt8(convention)]) : [];
        int[] bfloat16 = _hasBFloat16 ? Add([.. BFloat16TileFunctions.Assemble(convention), CeilingCode.AssembleBFloat16(convention)]) : [];
        _codeLength = code.Count;
        _code = _codeLength > 0 ? OperatingSystemCalls.MapCode([.. code]) : 0;
        if (_code == 0)
            return;
        var tables = (Tables*)_tables.Data;
        if (hasFloat16Rows)
            Float16Rows = Placed(float16Rows)[0];
        if (_hasInt8)
        {
            tables->Int8 = new Int8TileFunctions(Placed(int8));
            Int8Ceiling = Placed(int8)[^1];
        }
        if (_hasBFloat16)
        {
            tables->BFloat16 = new BFloat16TileFunctions(Placed(bfloat16));
            BFloat16Ceiling = Placed(bfloat16)[^1];
        }

        int[] Add(byte[][] functions)
        {
            var offsets = new int[functions.Length];
            for (int i = 0; i < functions.Length; i++)
            {
                offsets[i] = code.Count;
                code.AddRange(functions[i]);
                code.AddRange(Enumerable.Repeat(Trap, -functions[i].Length & (Alignment - 1)));
            }
            return offsets;
        }

        nint[] Placed(int[] offsets) => [.. offsets.Select(offset => _code + offset)];
    }

    ~AssembledKernels() => Unmap();

    public Int8TileFunctions* Int8 => _hasInt8 ? &((Tables*)_tables.Data)->Int8 : null;

    public BFloat16TileFunctions* BFloat16 => _hasBFloat16 ? &((Tables*)_tables.Data)->BFloat16 : null;

    /// <summary>The function of <see cref="Float16RowsCode"/>, or 0.</summary>
    public nint Float16Rows { get; }

    /// <summary>The loop of <see cref="CeilingCode.AssembleInt8"/>, or 0.</summary>
    public nint Int8Ceiling { get; }

    /// <summary>The loop of <see cref="CeilingCode.AssembleBFloat16"/>, or 0.</summary>
    public nint BFloat16Ceiling { get; }

    /// <summary>
    /// The kernels, those that round only for fast arithmetic; null where the CPU has none of the instructions or the system lets no
    /// program make code.
    /// </summary>
    public static AssembledKernels? Create(Arithmetic arithmetic, int vectorBits)
    {
        var kernels = new AssembledKernels(arithmetic, vectorBits);
        if (kernels._code != 0)
            return kernels;
        kernels.Dispose();
        return null;
    }

    public void Dispose()
    {
        Unmap();
        _tables.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        if (_code != 0)
            OperatingSystemCalls.UnmapCode(_code, _codeLength);
        _code = 0;
    }

    private struct Tables
    {
        public Int8TileFunctions Int8;
        public BFloat16TileFunctions BFloat16;
    }
}
