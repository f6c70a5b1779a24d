using System.Numerics;
using System.Text;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// Writes a GGUF file, version 3: metadata and tensors are announced, then everything is written in one pass, so that no tensor
/// needs to be in memory before its turn. What is written, <see cref="GgufFile"/> reads.
/// </summary>
public sealed class GgufWriter
{
    private readonly OrderedDictionary<string, object> _metadata = [];
    private readonly OrderedDictionary<string, Announced> _tensors = [];
    private uint _alignment = GgufFormat.DefaultAlignment;

    /// <summary>Adds a metadata entry. The key <c>general.alignment</c> sets where tensors may start.</summary>
    /// <param name="key">Its key, of at most 65535 bytes.</param>
    /// <param name="value">A value of one of the types that <see cref="GgufMetadata"/> names, or an array of one.</param>
    /// <exception cref="ArgumentException">The key is there already or too long, the type is none of GGUF's, or the alignment
    /// is no <see cref="uint"/> power of two from 8 to 2³⁰.</exception>
    public void AddMetadata(string key, object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (TypeOf(value is Array array ? array.GetType().GetElementType()! : value.GetType()) is null)
            throw new ArgumentException($"GGUF has no metadata type for {value.GetType()}.", nameof(value));
        CheckName(key, GgufFormat.MaxKeyBytes, _metadata.ContainsKey(key), nameof(key));
        if (key == GgufFormat.AlignmentKey)
        {
            if (value is not (uint and >= GgufFormat.SmallestAlignment and <= GgufFormat.LargestAlignment and var alignment)
                || !BitOperations.IsPow2(alignment))
            {
                throw new ArgumentException($"The alignment is {value}; a UInt32 power of two from 8 was expected.", nameof(value));
            }
            _alignment = alignment;
        }
        _metadata.Add(key, value);
    }

    /// <summary>Announces a tensor; its data are asked for when their turn comes.</summary>
    /// <param name="name">Its name, of at most 64 bytes.</param>
    /// <param name="type">How it is stored; not <see cref="ElementType.U8"/>, which GGUF lacks.</param>
    /// <param name="shape">One to four dimensions, slowest first, the last one whole blocks.</param>
    /// <param name="writeData">Writes exactly its bytes.</param>
    /// <exception cref="ArgumentException">The name is there already or too long, or type and shape do not fit.</exception>
    public void AddTensor(string name, ElementType type, IReadOnlyList<long> shape, Action<Stream> writeData)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(writeData);
        CheckName(name, GgufFormat.MaxTensorNameBytes, _tensors.ContainsKey(name), nameof(name));
        if (GgufFormat.NumberOf(type) is not { } number)
            throw new ArgumentException($"GGUF has no tensor type for {type}.", nameof(type));
        if (shape.Count is 0 or > GgufFormat.MaxRank || shape.Any(dimension => dimension <= 0))
            throw new ArgumentException($"[{string.Join(", ", shape)}] is no shape of one to four positive dimensions.", nameof(shape));
        long bytes = type.RowBytes(shape[^1]);
        for (int i = 0; i < shape.Count - 1; i++)
            bytes = checked(bytes * shape[i]);
        _tensors.Add(name, new Announced(number, [.. shape], bytes, writeData));
    }

    /// <summary>Writes the file.</summary>
    /// <param name="stream">Where to, from its present position; must know its position.</param>
    /// <exception cref="InvalidOperationException">A tensor's data were not as long as its type and shape say.</exception>
    public void Write(Stream stream)
    {
        long fileStart = stream.Position;
        using BinaryWriter writer = new(stream, GgufFormat.StrictUtf8, leaveOpen: true);
        writer.Write(GgufFormat.Magic);
        writer.Write(GgufFormat.NewestVersion);
        writer.Write((long)_tensors.Count);
        writer.Write((long)_metadata.Count);
        foreach ((string key, object value) in _metadata)
        {
            WriteText(writer, key);
            WriteEntry(writer, value);
        }
        long offset = 0;
        foreach ((string name, Announced tensor) in _tensors)
        {
            WriteText(writer, name);
            writer.Write(tensor.Shape.Length);
            foreach (long dimension in tensor.Shape.Reverse())
                writer.Write(dimension);
            writer.Write(tensor.Type);
            writer.Write(offset);
            offset = GgufFormat.Align(checked(offset + tensor.Bytes), _alignment);
        }
        writer.Flush();
        Pad();
        foreach ((string name, Announced tensor) in _tensors)
        {
            long start = stream.Position;
            tensor.WriteData(stream);
            if (stream.Position - start != tensor.Bytes)
                throw new InvalidOperationException($"Tensor '{name}' has {tensor.Bytes} bytes; {stream.Position - start} were written.");
            Pad();
        }

        void Pad()
        {
            long position = stream.Position - fileStart;
            stream.Write(new byte[GgufFormat.Align(position, _alignment) - position]);
        }
    }

    private static void CheckName(string name, int maxBytes, bool isThere, string parameter)
    {
        if (Encoding.UTF8.GetByteCount(name) > maxBytes)
            throw new ArgumentException($"'{name}' is longer than the {maxBytes} bytes that GGUF allows.", parameter);
        if (isThere)
            throw new ArgumentException($"'{name}' is there already.", parameter);
    }

    private static void WriteEntry(BinaryWriter writer, object value)
    {
        if (value is not Array array)
        {
            writer.Write((uint)TypeOf(value.GetType())!);
            WriteValue(writer, value);
            return;
        }
        writer.Write((uint)GgufValueType.Array);
        writer.Write((uint)TypeOf(array.GetType().GetElementType()!)!);
        writer.Write((long)array.Length);
        foreach (object element in array)
            WriteValue(writer, element);
    }

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte number:
                writer.Write(number);
                break;
            case sbyte number:
                writer.Write(number);
                break;
            case ushort number:
                writer.Write(number);
                break;
            case short number:
                writer.Write(number);
                break;
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case string text:
                WriteText(writer, text);
                break;
            case ulong number:
                writer.Write(number);
                break;
            case long number:
                writer.Write(number);
                break;
            case double number:
                writer.Write(number);
                break;
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = GgufFormat.StrictUtf8.GetBytes(text);
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }

    private static GgufValueType? TypeOf(Type type) => type.IsEnum ? null : Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => GgufValueType.UInt8,
        TypeCode.SByte => GgufValueType.Int8,
        TypeCode.UInt16 => GgufValueType.UInt16,
        TypeCode.Int16 => GgufValueType.Int16,
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        TypeCode.UInt64 => GgufValueType.UInt64,
        TypeCode.Int64 => GgufValueType.Int64,
        TypeCode.Double => GgufValueType.Float64,
        _ => null,
    };

    private readonly record struct Announced(uint Type, long[] Shape, long Bytes, Action<Stream> WriteData);
}
