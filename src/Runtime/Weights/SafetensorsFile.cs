using System.Buffers.Binary;
using System.Text.Json;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// A safetensors file: 8 bytes of header length, a JSON header (name → dtype, shape, data_offsets), then the data, which the
/// tensors cover without gap or overlap. Every number of the header is checked before it is used. Source: the format section of
/// the safetensors README; the limit on the header is that of its reference reader.
/// </summary>
public sealed class SafetensorsFile : WeightFile
{
    private const int LengthBytes = 8;
    private const int MaxHeaderBytes = 100_000_000;

    private SafetensorsFile(
        MappedFile mapping,
        Dictionary<string, StoredTensor> tensors,
        Dictionary<string, string> unreadable,
        Dictionary<string, string> metadata)
        : base(mapping, tensors, unreadable)
    {
        Metadata = metadata;
    }

    /// <summary>The strings of its <c>__metadata__</c>, such as <c>format: pt</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Maps the file and reads its header.</summary>
    /// <exception cref="WeightFileException">It is missing, or breaks a rule of the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return Read(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SafetensorsFile Read(MappedFile file)
    {
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file.Bytes(0, LengthBytes, "the header length"));
        if (headerBytes > (ulong)(file.Length - LengthBytes))
        {
            throw new WeightFileException(
                file.Path, $"gives its header {headerBytes} bytes, more than the file has ({file.Length}); not a safetensors file?");
        }
        if (headerBytes > MaxHeaderBytes)
            throw new WeightFileException(file.Path, $"gives its header {headerBytes} bytes; at most {MaxHeaderBytes} were expected");

        Dictionary<string, string> metadata = [];
        List<Entry> entries = ReadHeader(file, (long)headerBytes, metadata);
        long dataStart = LengthBytes + (long)headerBytes;
        CheckCoverage(file, entries, file.Length - dataStart);

        Dictionary<string, StoredTensor> tensors = new(entries.Count);
        Dictionary<string, string> unreadable = [];
        foreach (Entry entry in entries)
        {
            if (ElementTypeOf(entry.Type) is not { } type)
            {
                unreadable.Add(entry.Name, $"is stored as {entry.Type}; F32, F16, BF16, I32, I64 or U8 was expected");
                continue;
            }
            StoredTensor tensor = new(file, entry.Name, type, entry.Shape, dataStart + entry.Begin);
            if (tensor.ByteLength != entry.End - entry.Begin)
            {
                throw new WeightFileException(
                    file.Path,
                    $"tensor '{entry.Name}' needs {tensor.ByteLength} bytes for its shape, but has {entry.End - entry.Begin}");
            }
            tensors.Add(entry.Name, tensor);
        }
        return new SafetensorsFile(file, tensors, unreadable, metadata);
    }

    private static List<Entry> ReadHeader(MappedFile file, long headerBytes, Dictionary<string, string> metadata)
    {
        List<Entry> entries = [];
        HashSet<string> names = [];
        Utf8JsonReader reader = new(file.Bytes(LengthBytes, headerBytes, "the header"));
        try
        {
            Expect(ref reader, JsonTokenType.StartObject);
            while (ReadName(ref reader) is { } name)
            {
                if (!names.Add(name))
                    throw new JsonException($"'{name}' is there twice");
                if (name == "__metadata__")
                    ReadMetadata(ref reader, metadata);
                else
                    entries.Add(ReadEntry(ref reader, name));
            }
            // Anything but white space behind the object is an error of the reader's own.
            reader.Read();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new WeightFileException(
                file.Path, $"has a malformed header near its byte {reader.TokenStartIndex}: {error.Message}", error);
        }
        return entries;
    }

    private static Entry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (ReadName(ref reader) is { } field)
        {
            switch (field)
            {
                case "dtype" when type is null:
                    Expect(ref reader, JsonTokenType.String);
                    type = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, name, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, name, field);
                    break;
                default:
                    throw new JsonException($"tensor '{name}' has an unknown or repeated field '{field}'");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
            throw new JsonException($"tensor '{name}' needs a dtype, a shape and two data_offsets");
        return new Entry(name, type, shape, begin, end);
    }

    private static long[] ReadNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        Expect(ref reader, JsonTokenType.StartArray);
        List<long> numbers = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt64(out long number) || number < 0)
                throw new JsonException($"tensor '{name}' has a number in {field} that is negative, fractional or too large");
            if (numbers.Count == StoredTensor.MaxRank)
                throw new JsonException($"tensor '{name}' has more than {StoredTensor.MaxRank} numbers in {field}");
            numbers.Add(number);
        }
        if (reader.TokenType != JsonTokenType.EndArray)
            throw new JsonException($"tensor '{name}' has something else than numbers in {field}");
        return [.. numbers];
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        while (ReadName(ref reader) is { } key)
        {
            Expect(ref reader, JsonTokenType.String);
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new JsonException($"metadata '{key}' is there twice");
        }
    }

    private static string? ReadName(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.EndObject ? null : reader.GetString();
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType expected)
    {
        if (!reader.Read() || reader.TokenType != expected)
            throw new JsonException($"{expected} was expected, {reader.TokenType} found");
    }

    private static void CheckCoverage(MappedFile file, List<Entry> entries, long dataBytes)
    {
        long covered = 0;
        string previous = "";
        foreach (Entry entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            string? problem =
                entry.End < entry.Begin ? $"ends at byte {entry.End} of the data, before its begin at {entry.Begin}"
                : entry.End > dataBytes ? $"ends at byte {entry.End} of the data, which has {dataBytes}; is the file truncated?"
                : entry.Begin < covered ? $"overlaps tensor '{previous}', which ends at byte {covered} of the data"
                : entry.Begin > covered ? $"begins at byte {entry.Begin} of the data, {entry.Begin - covered} after the tensor before it"
                : null;
            if (problem is not null)
                throw new WeightFileException(file.Path, $"tensor '{entry.Name}' {problem}");
            covered = entry.End;
            previous = entry.Name;
        }
        if (covered != dataBytes)
            throw new WeightFileException(file.Path, $"has {dataBytes - covered} bytes behind its last tensor");
    }

    private static ElementType? ElementTypeOf(string type) => type switch
    {
        "F32" => ElementType.F32,
        "F16" => ElementType.F16,
        "BF16" => ElementType.BF16,
        "I32" => ElementType.I32,
        "I64" => ElementType.I64,
        "U8" => ElementType.U8,
        _ => null,
    };

    private readonly record struct Entry(string Name, string Type, long[] Shape, long Begin, long End);
}
