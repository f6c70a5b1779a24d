using ChainOfSpot.Kernels.MachineCode;

namespace ChainOfSpot.Kernels;

/// <summary>The assembled tiles of all row counts and scalings, at their addresses in executable memory.</summary>
public unsafe struct Int8TileFunctions
{
    private const int Scalings = 3;

    /// <summary>A tile of each scaling, and one that also prefetches what is multiplied in place, for each number of rows.</summary>
    private const int Count = (Scalings + 1) * Int8TileCode.MostRows;

    private const int Alignment = 64;

    private fixed long _addresses[Count];

    private Int8TileFunctions(nint code, ReadOnlySpan<int> offsets)
    {
        for (int i = 0; i < Count; i++)
            _addresses[i] = code + offsets[i];
    }

    /// <summary>Assembles all tiles into one run of code.</summary>
    /// <param name="convention">How they are called.</param>
    /// <param name="map">Puts code into executable memory, where it stays as long as the tiles are used, and returns its address.</param>
    public static Int8TileFunctions Assemble(CallConvention convention, Func<byte[], nint> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        Span<int> offsets = stackalloc int[Count];
        var code = new List<byte>();
        for (int i = 0; i < Count; i++)
        {
            bool prefetch = i / Int8TileCode.MostRows == Scalings;
            offsets[i] = code.Count;
            code.AddRange(Int8TileCode.Assemble(
                (i % Int8TileCode.MostRows) + 1, prefetch ? Int8Scaling.Block : (Int8Scaling)(i / Int8TileCode.MostRows), prefetch ? PackedQ8_0.Bytes : 0, convention));
            while (code.Count % Alignment != 0)
                code.Add(0xCC);
        }
        return new Int8TileFunctions(map([.. code]), offsets);
    }

    internal readonly void Multiply(Int8TileArguments* arguments, int rows, Int8Scaling scaling, bool prefetch)
    {
        int index = ((prefetch ? Scalings : (int)scaling) * Int8TileCode.MostRows) + rows - 1;
        ((delegate* unmanaged[SuppressGCTransition]<Int8TileArguments*, void>)_addresses[index])(arguments);
    }
}
