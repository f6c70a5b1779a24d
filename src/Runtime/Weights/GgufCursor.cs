using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// Reads the header of a GGUF file from front to back; every length is checked against what is left before it is used, so
/// that memory and time are bounded by the bytes that are there.
/// </summary>
internal sealed class GgufCursor(MappedFile file)
{
    // Vocabularies of 300,000 tokens with their merges need a tenth of this.
    private const long MaxHeaderBytes = 1 << 27;

    private readonly long _end = Math.Min(file.Length, MaxHeaderBytes);

    /// <summary>What is being read, for errors: "metadata key 'x'".</summary>
    public string Field { get; set; } = "the header";

    public long Position { get; private set; }

    public T Number<T>()
        where T : unmanaged, INumberBase<T> => MemoryMarshal.Read<T>(Take((ulong)Unsafe.SizeOf<T>()));

    /// <summary>A count of things of which each takes at least so many bytes.</summary>
    public int Count(string things, int smallestBytes)
    {
        ulong count = Number<ulong>();
        long possible = (_end - Position) / smallestBytes;
        return count <= (ulong)possible
            ? (int)count
            : throw Error($"says {count} {things}, but the {_end - Position} bytes that follow can hold at most {possible}");
    }

    public string Text(ulong maxBytes = ulong.MaxValue)
    {
        ulong length = Number<ulong>();
        if (length > maxBytes)
            throw Error($"is {length} bytes long; at most {maxBytes} were expected");
        try
        {
            return GgufFormat.StrictUtf8.GetString(Take(length));
        }
        catch (DecoderFallbackException error)
        {
            throw Error("is not valid UTF-8", error);
        }
    }

    /// <summary>A metadata value: its type, then the value, or for an array its element type, its length and its elements.</summary>
    public object Value()
    {
        var type = (GgufValueType)Number<uint>();
        if (type != GgufValueType.Array)
            return Value(type, count: null);
        var elementType = (GgufValueType)Number<uint>();
        if (elementType == GgufValueType.Array)
            throw Error("is an array of arrays, which is not supported");
        return Value(elementType, Number<ulong>());
    }

    public WeightFileException Error(string problem, Exception? inner = null) => new(file.Path, $"{Field} {problem}", inner);

    private object Value(GgufValueType type, ulong? count) => type switch
    {
        GgufValueType.UInt8 => Numbers<byte>(count),
        GgufValueType.Int8 => Numbers<sbyte>(count),
        GgufValueType.UInt16 => Numbers<ushort>(count),
        GgufValueType.Int16 => Numbers<short>(count),
        GgufValueType.UInt32 => Numbers<uint>(count),
        GgufValueType.Int32 => Numbers<int>(count),
        GgufValueType.Float32 => Numbers<float>(count),
        GgufValueType.Bool => count is { } length ? Booleans(length) : (object)Booleans(1)[0],
        GgufValueType.String => Texts(count),
        GgufValueType.UInt64 => Numbers<ulong>(count),
        GgufValueType.Int64 => Numbers<long>(count),
        GgufValueType.Float64 => Numbers<double>(count),
        _ => throw Error($"has the unknown value type {(uint)type}"),
    };

    private object Numbers<T>(ulong? count)
        where T : unmanaged, INumberBase<T>
    {
        if (count is not { } length)
            return Number<T>();
        ulong size = (ulong)Unsafe.SizeOf<T>();
        CheckLength(length, size);
        return MemoryMarshal.Cast<byte, T>(Take(length * size)).ToArray();
    }

    private bool[] Booleans(ulong count)
    {
        ReadOnlySpan<byte> bytes = Take(count);
        return bytes.ContainsAnyExceptInRange((byte)0, (byte)1)
            ? throw Error("is a boolean that is neither 0 nor 1")
            : MemoryMarshal.Cast<byte, bool>(bytes).ToArray();
    }

    private object Texts(ulong? count)
    {
        if (count is not { } length)
            return Text();
        CheckLength(length, smallestBytes: sizeof(ulong));
        var texts = new string[length];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = Text();
        return texts;
    }

    private void CheckLength(ulong length, ulong smallestBytes)
    {
        if (length > (ulong)(_end - Position) / smallestBytes)
            throw Error($"says {length} elements, more than the {_end - Position} bytes that follow can hold");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_end - Position))
        {
            throw Error(_end == file.Length
                ? $"needs {length} bytes at byte {Position}, but the file ends at byte {_end}"
                : $"lies behind byte {_end}; a header of at most {MaxHeaderBytes} bytes was expected");
        }
        ReadOnlySpan<byte> taken = file.Bytes(Position, (long)length, Field);
        Position += (long)length;
        return taken;
    }
}
