using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>The register tile of the matrix product: Side rows of A by Side rows of W, one vector accumulator for each pair.</summary>
internal unsafe interface IMatMulTile
{
    static abstract int Side { get; }

    /// <summary>
    /// sums[i, j] = the products of row i of A and row j of W added up over <paramref name="steps"/> vectors.
    /// <paramref name="a"/> and <paramref name="w"/> are packed [step][Side][lane]; sums is [Side, Side] with a row stride.
    /// </summary>
    static abstract void Multiply<TVector, TLanes>(float* a, float* w, int steps, float* sums, nint sumsStride)
        where TVector : struct
        where TLanes : ILanes<TVector>;
}
