namespace ChainOfSpot.Kernels;

/// <summary>The operands of one <see cref="MatMul"/>; see there for shapes.</summary>
public readonly unsafe struct MatMulArguments
{
    /// <summary>A [<see cref="Rows"/>, <see cref="K"/>].</summary>
    public float* A { get; init; }

    /// <summary>Floats from a row of A to the next.</summary>
    public nint AStride { get; init; }

    /// <summary>M, the rows of A.</summary>
    public int Rows { get; init; }

    /// <summary>K, the columns of A and of the weights.</summary>
    public int K { get; init; }

    /// <summary>The weights, <see cref="SegmentCount"/> segments one after the other.</summary>
    public WeightSegment* Segments { get; init; }

    /// <summary>The number of segments.</summary>
    public int SegmentCount { get; init; }

    /// <summary>N, the rows of all segments together.</summary>
    public int Columns { get; init; }

    /// <summary>Bias [N], or null.</summary>
    public float* Bias { get; init; }

    /// <summary>Applied after the bias.</summary>
    public MatMulActivation Activation { get; init; }

    /// <summary>Added last, [M, N] with the stride of C; may be C itself; or null.</summary>
    public float* Residual { get; init; }

    /// <summary>C [M, N].</summary>
    public float* C { get; init; }

    /// <summary>Floats from a row of C to the next.</summary>
    public nint CStride { get; init; }

    /// <summary>The product of one row of A.</summary>
    public MatMulArguments Row(int row) => this with
    {
        A = A + (row * AStride),
        Rows = 1,
        Residual = Residual == null ? null : Residual + (row * CStride),
        C = C + (row * CStride),
    };

    /// <summary>The segment that holds row <paramref name="n"/> of the weights, and the row's number in it.</summary>
    internal WeightSegment* SegmentOf(int n, out int row)
    {
        WeightSegment* segment = Segments;
        while (n >= segment->Rows)
        {
            n -= segment->Rows;
            segment++;
        }
        row = n;
        return segment;
    }
}
