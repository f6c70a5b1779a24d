using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Measurement;

/// <summary>
/// A temporary checkpoint of random weights, mapped and read ahead as any: the device reads pages of a file here as there.
/// It is deleted on <see cref="Dispose"/>.
/// </summary>
public sealed class RandomWeights : IDisposable
{
    private const int BlockElements = 1 << 20;

    private readonly string _folder;
    private readonly Checkpoint _checkpoint;

    /// <summary>Writes and opens the file.</summary>
    /// <param name="folder">The folder to write it to.</param>
    /// <param name="type">F16, BF16 or F32.</param>
    /// <param name="projections">One tensor [outputs, inputs] of each, named like it.</param>
    /// <exception cref="ArgumentException">A type that weights are not drawn in.</exception>
    /// <exception cref="IOException">The disk is full or the folder not writable.</exception>
    public RandomWeights(string folder, ElementType type, IReadOnlyCollection<Projection> projections)
    {
        ArgumentNullException.ThrowIfNull(projections);
        _folder = Path.Combine(folder, $".weights-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_folder);
        try
        {
            Write(Path.Combine(_folder, "model.safetensors"), type, projections);
            _checkpoint = Checkpoint.Open(_folder);
            _checkpoint.Prefetch();
        }
        catch
        {
            _checkpoint?.Dispose();
            Directory.Delete(_folder, recursive: true);
            throw;
        }
    }

    /// <summary>The weights of a projection.</summary>
    public StoredTensor this[string name] => _checkpoint.Tensors[name];

    /// <inheritdoc/>
    public void Dispose()
    {
        _checkpoint.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void Write(string path, ElementType type, IReadOnlyCollection<Projection> projections)
    {
        byte[] block = Block(type, projections.Max(p => p.Inputs));
        var tensors = new Dictionary<string, object>();
        long offset = 0;
        foreach (Projection projection in projections)
        {
            long end = offset + ((long)projection.Inputs * projection.Outputs * type.Size());
            tensors[projection.Name] = new { dtype = type.ToString(), shape = new[] { projection.Outputs, projection.Inputs }, data_offsets = new[] { offset, end } };
            offset = end;
        }
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(tensors);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        using FileStream file = File.Create(path);
        file.Write(length);
        file.Write(header);
        while (offset > 0)
        {
            int bytes = (int)Math.Min(offset, block.Length);
            file.Write(block.AsSpan(0, bytes));
            offset -= bytes;
        }
    }

    /// <summary>
    /// One block of numbers, repeated through the file: what a product costs does not depend on them, and drawing billions would
    /// take longer than multiplying. Uniform, with a variance of 1 / inputs, so that activations stay near 1.
    /// </summary>
    private static byte[] Block(ElementType type, int inputs)
    {
        var random = new Random(1);
        float scale = MathF.Sqrt(12f / inputs);
        float[] values = new float[BlockElements];
        foreach (ref float value in values.AsSpan())
            value = (random.NextSingle() - 0.5f) * scale;
        return type switch
        {
            ElementType.F32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
            ElementType.F16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
            ElementType.BF16 => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
            _ => throw new ArgumentException($"Random weights are F32, F16 or BF16, not {type}.", nameof(type)),
        };
    }
}
