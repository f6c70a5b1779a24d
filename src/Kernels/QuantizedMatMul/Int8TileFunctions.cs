namespace ChainOfSpot.Kernels;

/// <summary>The functions of <see cref="Int8TileCode"/> at their addresses in executable memory, by the type of weights and the rows.</summary>
public unsafe struct Int8TileFunctions
{
    private fixed long _addresses[((int)ElementType.IQ4_XS + 1) * Int8TileCode.MostRows];

    /// <summary>Whether they read the weights in the order in which they lie, all columns of a step together.</summary>
    public bool ReadInOrder { get; set; }

    /// <summary>The function for a type and a number of rows; 0 where none was assembled.</summary>
    public nint this[ElementType type, int rows]
    {
        readonly get => (nint)_addresses[Index(type, rows)];
        set => _addresses[Index(type, rows)] = value;
    }

    internal readonly void Multiply(Int8TileArguments* arguments, ElementType type, int rows) =>
        ((delegate* unmanaged[SuppressGCTransition]<Int8TileArguments*, void>)this[type, rows])(arguments);

    private static int Index(ElementType type, int rows) => ((int)type * Int8TileCode.MostRows) + rows - 1;
}
