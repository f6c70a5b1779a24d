using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The operands of the GPU forms of <see cref="Attention"/> (queries and output joined rows, K and V in pages) and of
/// <see cref="FullAttention"/> (q|k|v joined rows, which it reads from <see cref="Qkv"/>, and pictures of
/// <see cref="ImageRows"/> rows). Rows lie without gaps.
/// </summary>
public readonly struct AttentionGpuArguments
{
    /// <summary>Rows that begin with the queries, [<see cref="Rows"/>, <see cref="QkvStride"/>].</summary>
    public ArrayView<float> Qkv { get; init; }

    /// <summary>Floats from a row of <see cref="Qkv"/> to the next.</summary>
    public int QkvStride { get; init; }

    /// <summary>The layer's K pages, as <see cref="KvLayout"/> says.</summary>
    public ArrayView<byte> Keys { get; init; }

    /// <summary>The layer's V pages.</summary>
    public ArrayView<byte> Values { get; init; }

    /// <summary>Page numbers [sequences, <see cref="MaxPages"/>].</summary>
    public ArrayView<int> PageTable { get; init; }

    /// <summary>Entries of a sequence in the page table.</summary>
    public int MaxPages { get; init; }

    /// <summary>The position of each row in its sequence.</summary>
    public ArrayView<int> Positions { get; init; }

    /// <summary>The sequence of each row.</summary>
    public ArrayView<int> Sequences { get; init; }

    /// <summary>Rows of a picture; only of a full attention.</summary>
    public int ImageRows { get; init; }

    /// <summary>out [<see cref="Rows"/>, <see cref="Heads"/> * <see cref="HeadDim"/>].</summary>
    public ArrayView<float> Output { get; init; }

    /// <summary>Of a split attention: its sums [<see cref="Rows"/>, <see cref="Heads"/>, <see cref="Splits"/>, <see cref="HeadDim"/>].</summary>
    public ArrayView<float> PartialSums { get; init; }

    /// <summary>
    /// Of a split attention: the largest score of each part and its softmax' denominator relative to that,
    /// [<see cref="Rows"/>, <see cref="Heads"/>, <see cref="Splits"/>, 2].
    /// </summary>
    public ArrayView<float> PartialScales { get; init; }

    /// <summary>Parts that the longest context that the page table has room for is split into.</summary>
    public int Splits { get; init; }

    /// <summary>Rows of the queries.</summary>
    public int Rows { get; init; }

    /// <summary>Query heads, a multiple of <see cref="KvHeads"/>.</summary>
    public int Heads { get; init; }

    /// <summary>Heads of K and V.</summary>
    public int KvHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public int HeadDim { get; init; }

    /// <summary>1 / sqrt(<see cref="HeadDim"/>).</summary>
    public float Scale { get; init; }
}
