using ChainOfSpot.Kernels.MachineCode;

namespace ChainOfSpot.Kernels;

/// <summary>The assembled int8 tiles of all row counts and scalings, at their addresses in executable memory.</summary>
public unsafe struct Int8TileFunctions
{
    private const int Scalings = 4;

    /// <summary>A tile of each scaling, and one that also prefetches what is multiplied in place, for each number of rows.</summary>
    private const int Count = (Scalings + 1) * Int8TileCode.MostRows;

    private fixed long _addresses[Count];

    /// <param name="addresses">Where each function that <see cref="Assemble"/> gave was put.</param>
    public Int8TileFunctions(ReadOnlySpan<nint> addresses)
    {
        for (int i = 0; i < Count; i++)
            _addresses[i] = addresses[i];
    }

    /// <summary>The code of all functions.</summary>
    public static byte[][] Assemble(CallConvention convention)
    {
        var code = new byte[Count][];
        for (int i = 0; i < Count; i++)
        {
            bool prefetch = i / Int8TileCode.MostRows == Scalings;
            code[i] = Int8TileCode.Assemble(
                (i % Int8TileCode.MostRows) + 1,
                prefetch ? Int8Scaling.Block : (Int8Scaling)(i / Int8TileCode.MostRows),
                prefetch ? PackedQ8_0.Bytes : 0,
                convention);
        }
        return code;
    }

    internal readonly void Multiply(Int8TileArguments* arguments, int rows, Int8Scaling scaling, bool prefetch)
    {
        int index = ((prefetch ? Scalings : (int)scaling) * Int8TileCode.MostRows) + rows - 1;
        ((delegate* unmanaged[SuppressGCTransition]<Int8TileArguments*, void>)_addresses[index])(arguments);
    }
}
