using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// The pages of a key-value cache in a device's memory: every page holds keys and values of a fixed number of positions in
/// every layer. The layout inside a page is the device's own.
/// </summary>
public abstract class KvPool : IDisposable
{
    private protected KvPool(KvShape shape, int pages)
    {
        Shape = shape;
        Pages = pages;
    }

    /// <summary>What a position holds.</summary>
    public KvShape Shape { get; }

    /// <summary>The number of pages.</summary>
    public int Pages { get; }

    /// <summary>Its size.</summary>
    public abstract long ByteLength { get; }

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}

/// <summary>What one position of a key-value cache holds: keys and values of KvHeads heads in each of Layers layers.</summary>
/// <param name="Layers">Decoder layers.</param>
/// <param name="KvHeads">Key-value heads of a layer.</param>
/// <param name="HeadDim">Elements of a head.</param>
/// <param name="Element">How they are stored.</param>
public readonly record struct KvShape(int Layers, int KvHeads, int HeadDim, KvElement Element = KvElement.F32)
{
    /// <summary>Bytes of the key or the value of one position and head.</summary>
    internal int HeadBytes => KvLayout.HeadBytes(Element, HeadDim);
}
