using System.Buffers.Binary;
using System.Numerics;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// A GGUF file, version 2 or 3, memory-mapped. Every number of its header is checked before it is used; dimensions are turned
/// around, so that a shape is slowest first as everywhere here. Source: docs/gguf.md of the ggml project.
/// </summary>
public sealed class GgufFile : WeightFile
{
    // Key length, value type, one byte of value.
    private const int SmallestEntryBytes = 8 + 4 + 1;

    // Name length, dimension count, one dimension, type, offset.
    private const int SmallestTensorInfoBytes = 8 + 4 + 8 + 4 + 8;

    private GgufFile(MappedFile mapping, IReadOnlyDictionary<string, StoredTensor> tensors, GgufMetadata metadata, int alignment)
        : base(mapping, tensors, new Dictionary<string, string>())
    {
        Metadata = metadata;
        Alignment = alignment;
    }

    /// <summary>Its metadata.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Tensors start at multiples of this many bytes from the start of the data.</summary>
    public int Alignment { get; }

    /// <summary>Maps the file and reads its header.</summary>
    /// <exception cref="WeightFileException">It is missing, or breaks a rule of the format.</exception>
    public static GgufFile Open(string path)
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

    private static GgufFile Read(MappedFile file)
    {
        GgufCursor cursor = new(file);
        if (cursor.Number<uint>() != GgufFormat.Magic)
            throw new WeightFileException(file.Path, "does not begin with GGUF; it is no GGUF file");
        uint version = cursor.Number<uint>();
        if (version is < 2 or > GgufFormat.NewestVersion)
        {
            throw new WeightFileException(file.Path, BinaryPrimitives.ReverseEndianness(version) is > 0 and <= GgufFormat.NewestVersion
                ? "is big-endian; a little-endian GGUF file was expected"
                : $"is of GGUF version {version}; 2 or 3 was expected");
        }
        int tensorCount = cursor.Count("tensors", SmallestTensorInfoBytes);
        int entryCount = cursor.Count("metadata entries", SmallestEntryBytes);

        OrderedDictionary<string, object> values = new(entryCount);
        for (int i = 0; i < entryCount; i++)
        {
            cursor.Field = $"metadata key {i}";
            string key = cursor.Text(GgufFormat.MaxKeyBytes);
            cursor.Field = $"metadata key '{key}'";
            if (!values.TryAdd(key, cursor.Value()))
                throw cursor.Error("is there twice");
        }
        GgufMetadata metadata = new(file.Path, values);
        int alignment = metadata.FindInteger(GgufFormat.AlignmentKey) ?? (int)GgufFormat.DefaultAlignment;
        if (alignment < GgufFormat.SmallestAlignment || !BitOperations.IsPow2(alignment))
        {
            throw metadata.Error(
                GgufFormat.AlignmentKey, $"is {alignment}; a power of two from {GgufFormat.SmallestAlignment} was expected");
        }

        OrderedDictionary<string, TensorInfo> infos = new(tensorCount);
        for (int i = 0; i < tensorCount; i++)
        {
            cursor.Field = $"the name of tensor {i}";
            string name = cursor.Text(GgufFormat.MaxTensorNameBytes);
            cursor.Field = $"tensor '{name}'";
            if (!infos.TryAdd(name, ReadInfo(cursor, alignment)))
                throw cursor.Error("is there twice");
        }

        long dataStart = GgufFormat.Align(cursor.Position, alignment);
        OrderedDictionary<string, StoredTensor> tensors = new(tensorCount);
        foreach ((string name, TensorInfo info) in infos)
        {
            if (info.Offset > file.Length - dataStart)
            {
                throw new WeightFileException(
                    file.Path,
                    $"tensor '{name}' starts at byte {info.Offset} of the data, which has {Math.Max(0, file.Length - dataStart)}");
            }
            tensors.Add(name, new StoredTensor(file, name, info.Type, info.Shape, dataStart + info.Offset));
        }
        CheckOverlaps(file, infos, tensors);
        return new GgufFile(file, tensors, metadata, alignment);
    }

    private static TensorInfo ReadInfo(GgufCursor cursor, int alignment)
    {
        uint rank = cursor.Number<uint>();
        if (rank is 0 or > GgufFormat.MaxRank)
            throw cursor.Error($"has {rank} dimensions; 1 to {GgufFormat.MaxRank} were expected");
        var shape = new long[rank];
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            shape[i] = cursor.Number<long>();
            if (shape[i] <= 0)
                throw cursor.Error($"has the dimension {(ulong)shape[i]}; 1 to {long.MaxValue} was expected");
        }
        uint number = cursor.Number<uint>();
        ElementType type = GgufFormat.TensorType(number) ?? throw cursor.Error($"is of ggml type {number}, which is not supported");
        ulong offset = cursor.Number<ulong>();
        if (offset % (ulong)alignment != 0)
            throw cursor.Error($"starts at byte {offset} of the data, no multiple of the alignment {alignment}");
        if (offset > long.MaxValue)
            throw cursor.Error($"starts at byte {offset} of the data, past the end of any file");
        return new TensorInfo(type, shape, (long)offset);
    }

    private static void CheckOverlaps(
        MappedFile file, OrderedDictionary<string, TensorInfo> infos, OrderedDictionary<string, StoredTensor> tensors)
    {
        long covered = 0;
        string previous = "";
        foreach ((string name, TensorInfo info) in infos.OrderBy(pair => pair.Value.Offset))
        {
            if (info.Offset < covered)
                throw new WeightFileException(file.Path, $"tensor '{name}' overlaps tensor '{previous}'");
            covered = info.Offset + tensors[name].ByteLength;
            previous = name;
        }
    }

    private readonly record struct TensorInfo(ElementType Type, long[] Shape, long Offset);
}
