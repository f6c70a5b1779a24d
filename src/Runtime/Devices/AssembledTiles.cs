using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.MachineCode;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The kernels that .NET's intrinsics cannot express, in executable memory.</summary>
internal sealed unsafe class AssembledTiles : IDisposable
{
    private readonly CpuMemory _functions = new(sizeof(Int8TileFunctions), "the addresses of assembled kernels");
    private nint _code;
    private int _codeLength;

    private AssembledTiles()
    {
    }

    ~AssembledTiles() => Unmap();

    public Int8TileFunctions* Int8 => (Int8TileFunctions*)_functions.Data;

    /// <summary>The kernels, or null where the CPU has not the instructions or the system allows no code to be made.</summary>
    public static AssembledTiles? Create()
    {
        if (!Int8TileCode.IsSupported)
            return null;
        var tiles = new AssembledTiles();
        CallConvention convention = OperatingSystem.IsWindows() ? CallConvention.Windows : CallConvention.SystemV;
        *tiles.Int8 = Int8TileFunctions.Assemble(convention, tiles.Map);
        if (tiles._code != 0)
            return tiles;
        tiles.Dispose();
        return null;
    }

    public void Dispose()
    {
        Unmap();
        _functions.Dispose();
        GC.SuppressFinalize(this);
    }

    private nint Map(byte[] code)
    {
        _code = OperatingSystemCalls.MapCode(code);
        _codeLength = code.Length;
        return _code;
    }

    private void Unmap()
    {
        if (_code != 0)
            OperatingSystemCalls.UnmapCode(_code, _codeLength);
        _code = 0;
    }
}
