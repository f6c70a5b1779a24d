using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>The register tile of the matrix product: Side rows of A by Side rows of W, one vector accumulator for each pair.</summary>
internal unsafe interface IMatMulTile
{
    static abstract int Side { get; }

    /// <summary>
    /// Adds <paramref name="steps"/> vectors of products to the Side x Side accumulators.
    /// <paramref name="a"/> and <paramref name="w"/> are packed [step][Side][lane], <paramref name="partial"/> is
    /// [row of A][row of W][lane]; it is read unless <paramref name="first"/>, and written.
    /// </summary>
    static abstract void Accumulate<TVector, TLanes>(float* a, float* w, int steps, float* partial, bool first)
        where TVector : struct
        where TLanes : ILanes<TVector>;
}
