namespace ChainOfSpot.Kernels;

/// <summary>How many outputs a thread of <see cref="MatMul.GpuTile{TElement, TTile}"/> holds, in 4-vectors.</summary>
public interface IGpuMatMulTile
{
    /// <summary>4-vectors of rows.</summary>
    static abstract int RowFours { get; }

    /// <summary>4-vectors of columns.</summary>
    static abstract int ColumnFours { get; }
}

/// <summary>8 x 8 outputs a thread, 128 rows a tile: for prompts and pictures.</summary>
public readonly struct GpuTallTile : IGpuMatMulTile
{
    /// <inheritdoc/>
    public static int RowFours => 2;

    /// <inheritdoc/>
    public static int ColumnFours => 2;
}

/// <summary>4 x 4 outputs a thread, 32 rows a tile: for few rows.</summary>
public readonly struct GpuLowTile : IGpuMatMulTile
{
    /// <inheritdoc/>
    public static int RowFours => 1;

    /// <inheritdoc/>
    public static int ColumnFours => 1;
}
