using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>One tensor of a weight file, as it lies there: a view of mapped memory, valid while its file is open.</summary>
public sealed unsafe class StoredTensor
{
    internal const int MaxRank = 8;

    private readonly MappedFile _source;
    private readonly long _offset;

    /// <param name="source">The file that holds it.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="type">How its elements are stored.</param>
    /// <param name="shape">Its dimensions, slowest first.</param>
    /// <param name="offset">Its first byte, from the start of the file.</param>
    /// <exception cref="WeightFileException">It does not lie inside the file, or its size overflows.</exception>
    internal StoredTensor(MappedFile source, string name, ElementType type, long[] shape, long offset)
    {
        if (!TryCount(shape, out long count) || count / type.BlockElements() > long.MaxValue / type.BlockBytes())
            throw new WeightFileException(source.Path, $"tensor '{name}' has the impossible shape [{string.Join(", ", shape)}]");
        if (type.IsQuantized() && (shape.Length == 0 || shape[^1] % type.BlockElements() != 0))
        {
            throw new WeightFileException(
                source.Path,
                $"tensor '{name}' has the shape [{string.Join(", ", shape)}], but rows of {type} are whole blocks of {type.BlockElements()}");
        }
        _source = source;
        _offset = offset;
        Name = name;
        Type = type;
        Shape = shape;
        ElementCount = count;
        source.Check(offset, ByteLength, $"tensor '{name}'");
    }

    private StoredTensor(StoredTensor tensor, int pairedHeadDim)
    {
        _source = tensor._source;
        _offset = tensor._offset;
        Name = tensor.Name;
        Type = tensor.Type;
        Shape = tensor.Shape;
        ElementCount = tensor.ElementCount;
        PairedHeadDim = pairedHeadDim;
    }

    /// <summary>The path of the file that holds it.</summary>
    public string File => _source.Path;

    /// <summary>Its name in the file.</summary>
    public string Name { get; }

    /// <summary>How its elements are stored.</summary>
    public ElementType Type { get; }

    /// <summary>Its dimensions, slowest first; row-major without gaps. Empty for a single number.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The product of its dimensions.</summary>
    public long ElementCount { get; }

    /// <summary>
    /// 0 where its rows lie in the order of the layer's outputs. Otherwise its rows are those of heads of that width, and in each
    /// they lie as neighbouring pairs of rotary embedding, as GGUF files hold Q and K: output s headDim/2 + i of a head
    /// (s = 0 or 1) is row 2i + s of it.
    /// </summary>
    public int PairedHeadDim { get; }

    /// <summary>Its size.</summary>
    public long ByteLength => ElementCount / Type.BlockElements() * Type.BlockBytes();

    /// <summary>The address of its first byte, at any alignment. Valid while the file is open.</summary>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public nint Data => (nint)((byte*)_source.Address + _offset);

    /// <summary>A copy of its numbers as binary32, exact for the plain float types; for small tensors.</summary>
    /// <exception cref="WeightFileException">It holds integers, or too many numbers for an array.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public float[] ToFloats()
    {
        if (Type is ElementType.I32 or ElementType.I64 or ElementType.U8)
            throw new WeightFileException(File, $"tensor '{Name}' is stored as {Type}; a type of weights was expected");
        float[] result = new float[ArrayLength()];
        fixed (float* destination = result)
            Dequantize.Row(Type, (byte*)Data, result.Length, destination);
        GC.KeepAlive(_source);
        return result;
    }

    /// <summary>A copy of its integers; for small tensors.</summary>
    /// <exception cref="WeightFileException">It holds no integers, or too many numbers for an array.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public long[] ToInt64s()
    {
        long[] result = new long[ArrayLength()];
        byte* source = (byte*)Data;
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Type switch
            {
                ElementType.I64 => Unsafe.ReadUnaligned<long>(source + 8L * i),
                ElementType.I32 => Unsafe.ReadUnaligned<int>(source + 4L * i),
                ElementType.U8 => source[i],
                _ => throw new WeightFileException(File, $"tensor '{Name}' is stored as {Type}; I64, I32 or U8 was expected"),
            };
        }
        GC.KeepAlive(_source);
        return result;
    }

    /// <summary>The same tensor, its rows known to lie as <see cref="PairedHeadDim"/> says.</summary>
    internal StoredTensor WithPairedRows(int headDim) => new(this, headDim);

    /// <summary>The product of the dimensions.</summary>
    /// <returns>False for a negative dimension, more than <see cref="MaxRank"/> of them, or a product above 2⁶³ - 1.</returns>
    internal static bool TryCount(ReadOnlySpan<long> shape, out long count)
    {
        count = 1;
        if (shape.Length > MaxRank)
            return false;
        foreach (long dimension in shape)
        {
            if (dimension < 0 || Math.BigMul(count, dimension) > long.MaxValue)
                return false;
            count *= dimension;
        }
        return true;
    }

    private int ArrayLength() => ElementCount <= Array.MaxLength
        ? (int)ElementCount
        : throw new WeightFileException(File, $"tensor '{Name}' has {ElementCount} elements, too many for an array");
}
