using ChainOfSpot.Kernels.MachineCode;

namespace ChainOfSpot.Kernels;

/// <summary>The assembled bf16 tiles of all row counts, at their addresses in executable memory.</summary>
public unsafe struct BFloat16TileFunctions
{
    private fixed long _addresses[BFloat16TileCode.MostRows];

    /// <param name="addresses">Where each function that <see cref="Assemble"/> gave was put.</param>
    public BFloat16TileFunctions(ReadOnlySpan<nint> addresses)
    {
        for (int i = 0; i < BFloat16TileCode.MostRows; i++)
            _addresses[i] = addresses[i];
    }

    /// <summary>The code of all functions.</summary>
    public static byte[][] Assemble(CallConvention convention) =>
        [.. Enumerable.Range(1, BFloat16TileCode.MostRows).Select(rows => BFloat16TileCode.Assemble(rows, convention))];

    internal readonly void Multiply(BFloat16TileArguments* arguments, int rows) =>
        ((delegate* unmanaged[SuppressGCTransition]<BFloat16TileArguments*, void>)_addresses[rows - 1])(arguments);
}
