namespace ChainOfSpot.Kernels;

/// <summary>The operands of one <see cref="KvAppend"/> into the KV cache of one layer; see there for shapes.</summary>
public readonly unsafe struct KvAppendArguments
{
    /// <summary>Joined rows q|k|v [rows, (heads + 2 * kvHeads) * headDim]; q and k are rotated in place.</summary>
    public float* Qkv { get; init; }

    /// <summary>Floats from a joined row to the next.</summary>
    public nint QkvStride { get; init; }

    /// <summary>Query heads.</summary>
    public int Heads { get; init; }

    /// <summary>Heads of K and V.</summary>
    public int KvHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }

    /// <summary>Cosine table of <see cref="Rope.BuildTable"/>.</summary>
    public float* Cos { get; init; }

    /// <summary>Sine table of <see cref="Rope.BuildTable"/>.</summary>
    public float* Sin { get; init; }

    /// <summary>The position of each row in its sequence [rows].</summary>
    public int* Positions { get; init; }

    /// <summary>The sequence of each row [rows].</summary>
    public int* Sequences { get; init; }

    /// <summary>Page numbers [sequences, <see cref="MaxPages"/>].</summary>
    public int* PageTable { get; init; }

    /// <summary>Entries of a sequence in the page table.</summary>
    public int MaxPages { get; init; }

    /// <summary>The layer's pool of K pages, laid out as <see cref="KvLayout"/> says.</summary>
    public void* KPool { get; init; }

    /// <summary>The layer's pool of V pages.</summary>
    public void* VPool { get; init; }

    /// <summary>How the numbers of both pools are stored.</summary>
    public KvElement Element { get; init; }

    /// <summary>The page that holds a row's position.</summary>
    internal int Page(int row) =>
        PageTable[((long)Sequences[row] * MaxPages) + (Positions[row] / KvLayout.PagePositions)];
}
