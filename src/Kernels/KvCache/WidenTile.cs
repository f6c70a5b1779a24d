namespace ChainOfSpot.Kernels;

/// <summary>
/// A Q8 tile of the KV cache to fp32: x = scale q, rounded once, in the layout of an fp32 tile (<see cref="KvLayout"/>).
/// <para>Reads 64 headDim + 256 bytes and writes 256 headDim.</para>
/// </summary>
public static unsafe partial class WidenTile
{
    /// <summary>The definition of one number.</summary>
    /// <param name="tile">The tile.</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="index">Where the number lies in the tile.</param>
    /// <param name="slot">The position in the page that it belongs to.</param>
    public static float Define(byte* tile, int headDim, int index, int slot) =>
        ((sbyte*)tile)[index] * KvLayout.Scales(tile, headDim)[slot];
}
