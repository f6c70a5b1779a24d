using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.MachineCode;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The kernels that .NET's intrinsics cannot express, in executable memory; null where the CPU has not the instructions.</summary>
internal sealed unsafe class AssembledKernels : IDisposable
{
    private const int Alignment = 64;
    private const byte Trap = 0xCC;

    private readonly Lock _packedRowsLock = new();
    private readonly List<(nint Address, int Length)> _mapped = [];
    private readonly CallConvention _convention = OperatingSystem.IsWindows() ? CallConvention.Windows : CallConvention.SystemV;
    private readonly int _packedRowBits;
    private readonly CpuMemory _tables = new(sizeof(Tables), "the addresses of assembled kernels");
    private readonly bool _hasInt8;
    private readonly bool _hasBFloat16;

    private AssembledKernels(Arithmetic arithmetic, int vectorBits)
    {
        _packedRowBits = arithmetic == Arithmetic.Fast ? PackedRowCode.VectorBits(vectorBits) : 0;
        bool hasFloat16Rows = Float16RowsCode.IsSupported(vectorBits);
        _hasInt8 = vectorBits == 512 && arithmetic == Arithmetic.Fast && Int8TileCode.IsSupported;
        _hasBFloat16 = vectorBits == 512 && arithmetic == Arithmetic.Fast && BFloat16TileCode.IsSupported;
        var code = new List<byte>();
        int[] float16Rows = hasFloat16Rows ? Add([Float16RowsCode.Assemble(vectorBits, _convention)]) : [];
        int[] int8 = _hasInt8 ? Add([.. Int8TileFunctions.Assemble(_convention), CeilingCode.AssembleInt8(_convention)]) : [];
        int[] bfloat16 = _hasBFloat16 ? Add([.. BFloat16TileFunctions.Assemble(_convention), CeilingCode.AssembleBFloat16(_convention)]) : [];
        nint start = Map([.. code]);
        if (start == 0)
            return;
        var tables = (Tables*)_tables.Data;
        tables->PackedRows = default;
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

        nint[] Placed(int[] offsets) => [.. offsets.Select(offset => start + offset)];
    }

    ~AssembledKernels() => Unmap();

    public Int8TileFunctions* Int8 => _hasInt8 ? &((Tables*)_tables.Data)->Int8 : null;

    public BFloat16TileFunctions* BFloat16 => _hasBFloat16 ? &((Tables*)_tables.Data)->BFloat16 : null;

    /// <summary>The functions of <see cref="PackedRowCode"/> that were assembled.</summary>
    public PackedRowFunctions* PackedRows => &((Tables*)_tables.Data)->PackedRows;

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
        if (kernels._mapped.Count > 0)
            return kernels;
        kernels.Dispose();
        return null;
    }

    /// <summary>Assembles <see cref="PackedRowCode"/> for a type of weights, once, where this CPU runs it.</summary>
    public void AssemblePackedRow(ElementType type)
    {
        lock (_packedRowsLock)
        {
            if (_packedRowBits == 0 || (*PackedRows)[type] != 0)
                return;
            (*PackedRows)[type] = Map(PackedRowCode.Assemble(type, _packedRowBits, _convention));
        }
    }

    public void Dispose()
    {
        Unmap();
        _tables.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Where code runs; 0 where there is none, or the system lets no program make any.</summary>
    private nint Map(byte[] code)
    {
        nint address = code.Length > 0 ? OperatingSystemCalls.MapCode(code) : 0;
        if (address != 0)
            _mapped.Add((address, code.Length));
        return address;
    }

    private void Unmap()
    {
        foreach ((nint address, int length) in _mapped)
            OperatingSystemCalls.UnmapCode(address, length);
        _mapped.Clear();
    }

    private struct Tables
    {
        public Int8TileFunctions Int8;
        public BFloat16TileFunctions BFloat16;
        public PackedRowFunctions PackedRows;
    }
}
