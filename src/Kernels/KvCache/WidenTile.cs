namespace ChainOfSpot.Kernels;

/// <summary>
/// A tile of the KV cache to fp32, in the layout of an fp32 tile (<see cref="KvLayout"/>): halves as they are, of Q8 x = scale q,
/// rounded once.
/// <para>Reads 128 headDim bytes of F16, 64 headDim + 256 of Q8, and writes 256 headDim.</para>
/// </summary>
public static unsafe partial class WidenTile
{
    /// <summary>The definition of one number.</summary>
    /// <param name="element">How the tile's numbers are stored.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="index">Where the number lies in the tile.</param>
    /// <param name="slot">The position in the page that it belongs to.</param>
    public static float Define(KvElement element, byte* tile, int headDim, int index, int slot) => element switch
    {
        KvElement.F32 => ((float*)tile)[index],
        KvElement.F16 => (float)((Half*)tile)[index],
        _ => ((sbyte*)tile)[index] * KvLayout.Scales(tile, headDim)[slot],
    };
}
