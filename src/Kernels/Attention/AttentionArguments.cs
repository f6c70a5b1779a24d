namespace ChainOfSpot.Kernels;

/// <summary>The operands of one <see cref="Attention"/> over the paged KV cache of one layer; see there for shapes.</summary>
public readonly unsafe struct AttentionArguments
{
    /// <summary>Rotated queries [rows, heads * headDim].</summary>
    public float* Query { get; init; }

    /// <summary>Floats from a row of queries to the next.</summary>
    public nint QueryStride { get; init; }

    /// <summary>The layer's pool of K pages, laid out as <see cref="KvLayout"/> says.</summary>
    public void* KPool { get; init; }

    /// <summary>The layer's pool of V pages.</summary>
    public void* VPool { get; init; }

    /// <summary>How the numbers of both pools are stored.</summary>
    public KvElement Element { get; init; }

    /// <summary>Page numbers [sequences, <see cref="MaxPages"/>]; entry i holds positions 64i to 64i + 63.</summary>
    public int* PageTable { get; init; }

    /// <summary>Entries of a sequence in the page table.</summary>
    public int MaxPages { get; init; }

    /// <summary>The position of each row in its sequence [rows]: it sees positions 0 to its own.</summary>
    public int* Positions { get; init; }

    /// <summary>The sequence of each row [rows].</summary>
    public int* Sequences { get; init; }

    /// <summary>Output [rows, heads * headDim].</summary>
    public float* Output { get; init; }

    /// <summary>Floats from a row of output to the next.</summary>
    public nint OutputStride { get; init; }

    /// <summary>Where the natural log of each softmax's denominator goes [rows, heads], or null.</summary>
    public float* LogSumExp { get; init; }

    /// <summary>Query heads, a multiple of <see cref="KvHeads"/>.</summary>
    public int Heads { get; init; }

    /// <summary>Heads of K and V; head h of the queries reads kv head h / (heads / kvHeads).</summary>
    public int KvHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }

    /// <summary>Query heads that share a kv head.</summary>
    internal int GroupHeads => Heads / KvHeads;
}
