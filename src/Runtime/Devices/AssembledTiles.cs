using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.MachineCode;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The kernels that .NET's intrinsics cannot express, in executable memory; null where the CPU has not the instructions.</summary>
internal sealed unsafe class AssembledTiles : IDisposable
{
    private const int Alignment = 64;
    private const byte Trap = 0xCC;

    private readonly CpuMemory _int8 = new(sizeof(Int8TileFunctions), "the addresses of assembled kernels");
    private readonly CpuMemory _bfloat16 = new(sizeof(BFloat16TileFunctions), "the addresses of assembled kernels");
    private readonly bool _hasInt8;
    private readonly bool _hasBFloat16;
    private readonly int _codeLength;
    private nint _code;

    private AssembledTiles()
    {
        CallConvention convention = OperatingSystem.IsWindows() ? CallConvention.Windows : CallConvention.SystemV;
        byte[][] int8 = Int8TileCode.IsSupported ? Int8TileFunctions.Assemble(convention) : [];
        byte[][] bfloat16 = BFloat16TileCode.IsSupported ? BFloat16TileFunctions.Assemble(convention) : [];
        var code = new List<byte>();
        var addresses = new List<nint>();
        byte[][] ceilings =
        [
            .. int8.Length > 0 ? [CeilingCode.AssembleInt8(convention)] : (byte[][])[],
            .. bfloat16.Length > 0 ? [CeilingCode.AssembleBFloat16(convention)] : (byte[][])[],
        ];
        foreach (byte[] function in (byte[][])[.. int8, .. bfloat16, .. ceilings])
        {
            addresses.Add(code.Count);
            code.AddRange(function);
            code.AddRange(Enumerable.Repeat(Trap, -function.Length & (Alignment - 1)));
        }
        _codeLength = code.Count;
        _code = _codeLength > 0 ? OperatingSystemCalls.MapCode([.. code]) : 0;
        if (_code == 0)
            return;
        nint[] placed = [.. addresses.Select(offset => _code + offset)];
        _hasInt8 = int8.Length > 0;
        if (_hasInt8)
            *(Int8TileFunctions*)_int8.Data = new Int8TileFunctions(placed.AsSpan(0, int8.Length));
        _hasBFloat16 = bfloat16.Length > 0;
        if (_hasBFloat16)
            *(BFloat16TileFunctions*)_bfloat16.Data = new BFloat16TileFunctions(placed.AsSpan(int8.Length, bfloat16.Length));
        if (_hasInt8)
            Int8Ceiling = placed[int8.Length + bfloat16.Length];
        if (_hasBFloat16)
            BFloat16Ceiling = placed[^1];
    }

    ~AssembledTiles() => Unmap();

    public Int8TileFunctions* Int8 => _hasInt8 ? (Int8TileFunctions*)_int8.Data : null;

    public BFloat16TileFunctions* BFloat16 => _hasBFloat16 ? (BFloat16TileFunctions*)_bfloat16.Data : null;

    /// <summary>The loop of <see cref="CeilingCode.AssembleInt8"/>, or 0.</summary>
    public nint Int8Ceiling { get; }

    /// <summary>The loop of <see cref="CeilingCode.AssembleBFloat16"/>, or 0.</summary>
    public nint BFloat16Ceiling { get; }

    /// <summary>The kernels, or null where the CPU has none of the instructions or the system lets no program make code.</summary>
    public static AssembledTiles? Create()
    {
        var tiles = new AssembledTiles();
        if (tiles._code != 0)
            return tiles;
        tiles.Dispose();
        return null;
    }

    public void Dispose()
    {
        Unmap();
        _int8.Dispose();
        _bfloat16.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        if (_code != 0)
            OperatingSystemCalls.UnmapCode(_code, _codeLength);
        _code = 0;
    }
}
