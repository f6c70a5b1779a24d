using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.MachineCode;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The kernels that .NET's intrinsics cannot express, in executable memory; null where the CPU has not the instructions.</summary>
internal sealed unsafe class AssembledKernels : IDisposable
{
    private readonly Lock _int8Lock = new();
    private readonly List<(nint Address, int Length)> _mapped = [];
    private readonly CallConvention _convention = OperatingSystem.IsWindows() ? CallConvention.Windows : CallConvention.SystemV;
    private readonly HashSet<ElementType> _int8Types = [];
    private readonly int _rowBits;
    private readonly CpuMemory _tables = new(sizeof(Tables), "the addresses of assembled kernels");
    private readonly int _tileBits;
    private readonly bool _hasBFloat16;

    private AssembledKernels(Arithmetic arithmetic, int vectorBits)
    {
        _rowBits = arithmetic == Arithmetic.Fast ? PackedRowCode.VectorBits(vectorBits) : 0;
        bool hasFloat16Rows = Float16RowsCode.IsSupported(vectorBits);
        _tileBits = arithmetic == Arithmetic.Fast ? Int8TileCode.VectorBits(vectorBits) : 0;
        _hasBFloat16 = vectorBits == 512 && arithmetic == Arithmetic.Fast && BFloat16TileCode.IsSupported;
        var code = new CodeBuffer();
        int[] float16Rows = hasFloat16Rows ? code.Add([Float16RowsCode.Assemble(vectorBits, _convention)]) : [];
        int[] int8 = HasInt8Dots ? code.Add([CeilingCode.AssembleInt8(_convention)]) : [];
        int[] bfloat16 = _hasBFloat16 ? code.Add([.. BFloat16TileFunctions.Assemble(_convention), CeilingCode.AssembleBFloat16(_convention)]) : [];
        nint start = Map(code.Bytes);
        if (start == 0)
            return;
        var tables = (Tables*)_tables.Data;
        tables->PackedRows = default;
        tables->Int8 = new Int8TileFunctions { ReadInOrder = HasInt8Dots };
        if (hasFloat16Rows)
            Float16Rows = Placed(float16Rows)[0];
        if (HasInt8Dots)
            Int8Ceiling = Placed(int8)[0];
        if (_hasBFloat16)
        {
            tables->BFloat16 = new BFloat16TileFunctions(Placed(bfloat16));
            BFloat16Ceiling = Placed(bfloat16)[^1];
        }

        nint[] Placed(int[] offsets) => [.. offsets.Select(offset => start + offset)];
    }

    ~AssembledKernels() => Unmap();

    /// <summary>Whether int8 products are those of AVX512-VNNI.</summary>
    public bool HasInt8Dots => _tileBits == 512;

    /// <summary>The functions of <see cref="Int8TileCode"/> that were assembled.</summary>
    public Int8TileFunctions* Int8Tiles => &((Tables*)_tables.Data)->Int8;

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

    /// <summary>
    /// Assembles <see cref="Int8TileCode"/> and <see cref="PackedRowCode"/> for a type of weights, once, where this CPU runs them.
    /// </summary>
    public void AssembleInt8(ElementType type)
    {
        lock (_int8Lock)
        {
            if (!_int8Types.Add(type))
                return;
            byte[] row = _rowBits == 0 ? [] : PackedRowCode.Assemble(type, _rowBits, _convention);
            var code = new CodeBuffer();
            int[] rowOffset = row.Length == 0 ? [] : code.Add([row]);
            int[] tiles = _tileBits == 0
                ? []
                : code.Add([.. Enumerable.Range(1, Int8TileCode.MostRows).Select(rows => Int8TileCode.Assemble(type, rows, _tileBits, _convention))]);
            nint start = Map(code.Bytes);
            if (start == 0)
                return;
            foreach (int offset in rowOffset)
                (*PackedRows)[type] = start + offset;
            for (int i = 0; i < tiles.Length; i++)
                (*Int8Tiles)[type, i + 1] = start + tiles[i];
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

    /// <summary>Functions one behind the other, each on a cache line of its own.</summary>
    private sealed class CodeBuffer
    {
        private const int Alignment = 64;
        private const byte Trap = 0xCC;

        private readonly List<byte> _bytes = [];

        public byte[] Bytes => [.. _bytes];

        /// <summary>Where each begins.</summary>
        public int[] Add(params ReadOnlySpan<byte[]> functions)
        {
            var offsets = new int[functions.Length];
            for (int i = 0; i < functions.Length; i++)
            {
                offsets[i] = _bytes.Count;
                _bytes.AddRange(functions[i]);
                _bytes.AddRange(Enumerable.Repeat(Trap, -functions[i].Length & (Alignment - 1)));
            }
            return offsets;
        }
    }

    private struct Tables
    {
        public Int8TileFunctions Int8;
        public BFloat16TileFunctions BFloat16;
        public PackedRowFunctions PackedRows;
    }
}
