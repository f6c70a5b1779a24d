using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>One weight file of a checkpoint.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Tensors">What it holds, in order.</param>
internal sealed record Shard(string Name, IReadOnlyList<OutputTensor> Tensors);

/// <summary>
/// Writes safetensors files (8 bytes of header length, a JSON header, the tensors' bytes) and, where the weights are split over
/// several, the index that Hugging Face readers find them by.
/// </summary>
internal static class SafetensorsWriter
{
    private const int HeaderAlignment = 8;
    private const string SingleName = "model.safetensors";
    private const string IndexName = SingleName + ".index.json";

    /// <summary>Splits tensors over files, in order, each of at most <paramref name="shardBytes"/> unless one tensor is larger.</summary>
    public static IReadOnlyList<Shard> Split(IReadOnlyList<OutputTensor> tensors, long shardBytes)
    {
        List<List<OutputTensor>> shards = [[]];
        long size = 0;
        foreach (OutputTensor tensor in tensors)
        {
            if (shards[^1].Count > 0 && size + tensor.ByteLength > shardBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += tensor.ByteLength;
        }
        return shards.Count == 1
            ? [new Shard(SingleName, shards[0])]
            : [.. shards.Select((shard, i) => new Shard($"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors", shard))];
    }

    /// <summary>The names of all files that <see cref="Write"/> makes of these shards.</summary>
    public static IEnumerable<string> FileNames(IReadOnlyList<Shard> shards) =>
        shards.Count == 1 ? [SingleName] : [.. shards.Select(shard => shard.Name), IndexName];

    /// <summary>Writes the shards and their index.</summary>
    public static void Write(
        PendingFolder folder,
        IReadOnlyList<Shard> shards,
        IProgress<long>? progress,
        CancellationToken cancellation)
    {
        var map = new JsonObject();
        foreach ((string name, IReadOnlyList<OutputTensor> tensors) in shards)
        {
            using FileStream file = folder.OpenFile(name);
            WriteFile(file, tensors, progress, cancellation);
            foreach (OutputTensor tensor in tensors)
                map[tensor.Name] = name;
        }
        if (shards.Count == 1)
            return;
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength)) },
            ["weight_map"] = map,
        };
        File.WriteAllText(folder.PathOf(IndexName), JsonText.Of(index));
    }

    /// <summary>Writes one file.</summary>
    public static void WriteFile(
        Stream stream, IReadOnlyList<OutputTensor> tensors, IProgress<long>? progress, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> header = new();
        using (Utf8JsonWriter json = new(header))
            WriteHeader(json, tensors);
        int padding = -header.WrittenCount & (HeaderAlignment - 1);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.WrittenCount + padding);
        stream.Write(length);
        stream.Write(header.WrittenSpan);
        stream.Write("        "u8[..padding]);
        foreach (OutputTensor tensor in tensors)
            tensor.WriteTo(stream, progress, cancellation);
    }

    private static void WriteHeader(Utf8JsonWriter json, IReadOnlyList<OutputTensor> tensors)
    {
        json.WriteStartObject();
        json.WriteStartObject("__metadata__");
        json.WriteString("format", "pt");
        json.WriteEndObject();
        long offset = 0;
        foreach (OutputTensor tensor in tensors)
        {
            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", NameOf(tensor.Type));
            json.WriteStartArray("shape");
            foreach (long dimension in tensor.Shape)
                json.WriteNumberValue(dimension);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset += tensor.ByteLength);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static string NameOf(ElementType type) => type switch
    {
        ElementType.F32 or ElementType.F16 or ElementType.BF16 => type.ToString(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A Hugging Face checkpoint holds plain floats."),
    };
}
