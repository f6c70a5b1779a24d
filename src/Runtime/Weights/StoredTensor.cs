using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>One tensor of a weight file, as it lies there: a view of mapped memory, valid while its file is open.</summary>
public sealed class StoredTensor
{
    internal StoredTensor(string file, string name, ElementType type, long[] shape, nint data, long byteLength)
    {
        File = file;
        Name = name;
        Type = type;
        Shape = shape;
        Data = data;
        ByteLength = byteLength;
    }

    /// <summary>The path of the file that holds it.</summary>
    public string File { get; }

    /// <summary>Its name in the file.</summary>
    public string Name { get; }

    /// <summary>How its elements are stored.</summary>
    public ElementType Type { get; }

    /// <summary>Its dimensions, slowest first; row-major without gaps.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The address of its first byte.</summary>
    public nint Data { get; }

    /// <summary>Its size.</summary>
    public long ByteLength { get; }
}
