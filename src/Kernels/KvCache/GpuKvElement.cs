using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>How GPU kernels read and copy tiles of the key-value cache, which lie as <see cref="KvLayout"/> says.</summary>
public interface IGpuKvElement
{
    /// <summary>Bytes of a tile.</summary>
    static abstract int TileBytes(int headDim);

    /// <summary>Number <paramref name="index"/> of a tile, of the position in <paramref name="slot"/>.</summary>
    static abstract float Read(ArrayView<byte> tile, int headDim, int index, int slot);

    /// <summary>Copies number <paramref name="index"/> of a tile to another.</summary>
    static abstract void CopyNumber(ArrayView<byte> source, ArrayView<byte> destination, int index);

    /// <summary>Copies what a tile has for a whole position beside its numbers.</summary>
    static abstract void CopyScale(ArrayView<byte> source, ArrayView<byte> destination, int headDim, int slot);
}

/// <summary>A cache of <see cref="KvElement.F32"/>.</summary>
public readonly struct GpuKvF32 : IGpuKvElement
{
    /// <inheritdoc/>
    public static int TileBytes(int headDim) => KvLayout.TileBytes(KvElement.F32, headDim);

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> tile, int headDim, int index, int slot) => tile.Cast<float>()[index];

    /// <inheritdoc/>
    public static void CopyNumber(ArrayView<byte> source, ArrayView<byte> destination, int index) =>
        destination.Cast<float>()[index] = source.Cast<float>()[index];

    /// <inheritdoc/>
    public static void CopyScale(ArrayView<byte> source, ArrayView<byte> destination, int headDim, int slot)
    {
    }
}

/// <summary>A cache of <see cref="KvElement.Q8"/>.</summary>
public readonly struct GpuKvQ8 : IGpuKvElement
{
    /// <inheritdoc/>
    public static int TileBytes(int headDim) => KvLayout.TileBytes(KvElement.Q8, headDim);

    /// <inheritdoc/>
    public static float Read(ArrayView<byte> tile, int headDim, int index, int slot) =>
        tile.Cast<sbyte>()[index] * Scales(tile, headDim)[slot];

    /// <inheritdoc/>
    public static void CopyNumber(ArrayView<byte> source, ArrayView<byte> destination, int index) => destination[index] = source[index];

    /// <inheritdoc/>
    public static void CopyScale(ArrayView<byte> source, ArrayView<byte> destination, int headDim, int slot) =>
        Scales(destination, headDim)[slot] = Scales(source, headDim)[slot];

    /// <summary>The scales of a tile [64].</summary>
    internal static ArrayView<float> Scales(ArrayView<byte> tile, int headDim) =>
        tile.SubView(KvLayout.TileFloats(headDim), KvLayout.PagePositions * sizeof(float)).Cast<float>();
}
