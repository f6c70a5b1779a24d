namespace ChainOfSpot.Kernels;

/// <summary>The operands of one <see cref="FullAttention"/> over a batch of images; see there for shapes.</summary>
public readonly unsafe struct FullAttentionArguments
{
    /// <summary>Queries, keys and values joined, [images * <see cref="ImageRows"/>, 3 * heads * headDim]: q|k|v.</summary>
    public float* Qkv { get; init; }

    /// <summary>Floats from a joined row to the next.</summary>
    public nint QkvStride { get; init; }

    /// <summary>Output [images * <see cref="ImageRows"/>, heads * headDim].</summary>
    public float* Output { get; init; }

    /// <summary>Floats from a row of output to the next.</summary>
    public nint OutputStride { get; init; }

    /// <summary>Rows of one image, which see one another.</summary>
    public int ImageRows { get; init; }

    /// <summary>Heads, of queries, keys and values alike.</summary>
    public int Heads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }

    /// <summary>The query (part 0), key (1) or value (2) of a row and head.</summary>
    internal float* Part(int part, long row, int head) =>
        Qkv + (row * QkvStride) + (((part * Heads) + head) * HeadDim);
}
