using System.Runtime.InteropServices;
using ChainOfSpot.Kernels.MachineCode;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The operands of one int8 tile: R rows of activations by <see cref="Int8Tile.Columns"/> weight rows over some blocks of K. For
/// each block in ascending order and each group of weights that shares a scale, sums[r, n] = fma(float(dot), scale[n] · d[r],
/// sums[r, n]) with dot the exact integer sum of (quant[n] - offset) · q[r]; affine weights then subtract minimum[n] · d[r] ∑q[r] of
/// the group.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct Int8TileArguments
{
    /// <summary>For the callee.</summary>
    public SavedRegisters Saved;

    /// <summary>The first block of the first row.</summary>
    public ActivationBlock* A;

    /// <summary>Bytes from a row's block to the next row's.</summary>
    public nint AStride;

    /// <summary>Unsigned quants [block][step of 4 products][column][4].</summary>
    public byte* Weights;

    /// <summary>Bytes from a block of weights to the next.</summary>
    public nint WeightStride;

    /// <summary>The end of the last block's stride.</summary>
    public byte* WeightsEnd;

    /// <summary>[block][group][column] scales; affine weights have [group][column] minima behind each block's scales.</summary>
    public float* Scales;

    /// <summary>[row][column], <see cref="Int8Tile.Columns"/> apart; read and written.</summary>
    public float* Sums;
}
