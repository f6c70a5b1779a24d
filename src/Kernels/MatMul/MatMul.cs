namespace ChainOfSpot.Kernels;

/// <summary>What a matrix product does to an output before it is written.</summary>
public enum MatMulActivation
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>x * sigmoid(1.702 x).</summary>
    QuickGelu,

    /// <summary>x * Phi(x), with the exact error function.</summary>
    Gelu,
}

/// <summary>Rows of a weight matrix that lie together in memory: row-major, without gaps.</summary>
/// <param name="Data">The address of the first row.</param>
/// <param name="Type">How the weights are stored.</param>
/// <param name="Rows">The number of rows, each an output feature.</param>
/// <param name="PairedHeadDim">
/// 0 where rows lie in the order of the outputs. Otherwise the rows of a head, of which there are so many, lie as neighbouring
/// pairs of rotary embedding: output s headDim/2 + i of a head (s = 0 or 1) is row 2i + s of it.
/// </param>
public readonly record struct WeightSegment(nint Data, ElementType Type, int Rows, int PairedHeadDim = 0)
{
    /// <summary>Rows of memory from one output to the next in a run.</summary>
    internal int RowStep => PairedHeadDim == 0 ? 1 : 2;

    /// <summary>Which row of memory holds the weights of an output.</summary>
    public int StoredRow(int output)
    {
        if (PairedHeadDim == 0)
            return output;
        (int half, int pair) = Math.DivRem(output % PairedHeadDim, PairedHeadDim / 2);
        return output - (output % PairedHeadDim) + (2 * pair) + half;
    }

    /// <summary>Outputs from this one on whose rows lie <see cref="RowStep"/> apart.</summary>
    internal int RunLength(int output) =>
        PairedHeadDim == 0 ? Rows - output : (PairedHeadDim / 2) - (output % (PairedHeadDim / 2));
}

/// <summary>
/// Linear layer: C[m, n] = f(sum over k of A[m, k] W[n, k] + bias[n]) + residual[m, n].
/// <para>Shapes: A [M, K] and C [M, N] fp32, row-major with row strides; W [N, K] as the checkpoint stores it, in one or more
/// segments (q|k|v, gate|up); bias [N] and residual [M, N] (the stride of C) fp32, either may be absent.</para>
/// <para>Moves 4MK + bytes(W) + 4MN bytes and does 2MNK floating-point operations.</para>
/// <para>Order of summation, a function of K alone: K is cut into <see cref="ChunkCount"/> chunks of <see cref="ChunkLength"/>;
/// in a chunk, lane j of a vector adds the products of k = j modulo the lane count, in ascending order, with fused
/// multiply-add; the lanes are added in a fixed tree; chunk sums are added in ascending order. So no bit of an output
/// depends on M, on the rows beside it, on threads or on tiles.</para>
/// </summary>
public static unsafe partial class MatMul
{
    /// <summary>Short enough for a tile's rows of A and W to stay in the L1 cache, and for a chunk of A to stay in the L3 cache.</summary>
    private const int LongestChunk = 1024;

    private const int ChunkMultiple = 64;

    /// <summary>How many chunks a sum over <paramref name="k"/> products is cut into.</summary>
    public static int ChunkCount(int k) => (k + LongestChunk - 1) / LongestChunk;

    /// <summary>Products in each chunk but the last, which may be shorter.</summary>
    public static int ChunkLength(int k)
    {
        int chunks = ChunkCount(k);
        int even = (k + chunks - 1) / chunks;
        return (even + ChunkMultiple - 1) / ChunkMultiple * ChunkMultiple;
    }

    /// <summary>The definition of one output before bias: the sum in double precision.</summary>
    public static double Output(float* a, in WeightSegment weight, int row, int k)
    {
        double sum = 0;
        for (int i = 0; i < k; i++)
            sum += (double)a[i] * GatherRows.Define((void*)weight.Data, weight.Type, ((long)weight.StoredRow(row) * k) + i);
        return sum;
    }
}
