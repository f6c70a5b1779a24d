using System.Buffers.Binary;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Measurement;

/// <summary>
/// A temporary GGUF file of random weights, mapped and read ahead as any: the device reads pages of a file here as there.
/// It is deleted on <see cref="Dispose"/>.
/// </summary>
public sealed class RandomWeights : IDisposable
{
    private const int BlockElements = 1 << 20;

    private readonly string _path;
    private readonly GgufFile _file;

    /// <summary>Writes and opens the file.</summary>
    /// <param name="folder">The folder to write it to.</param>
    /// <param name="type">A type that weights are multiplied in.</param>
    /// <param name="projections">One tensor [outputs, inputs] of each, named like it.</param>
    /// <exception cref="ArgumentException">A type that weights are not quantised to, or rows that are no whole blocks of it.</exception>
    /// <exception cref="IOException">The disk is full or the folder not writable.</exception>
    public RandomWeights(string folder, ElementType type, IReadOnlyCollection<Projection> projections)
    {
        ArgumentNullException.ThrowIfNull(projections);
        _path = Path.Combine(folder, $".weights-{Guid.NewGuid():N}.gguf");
        try
        {
            Write(_path, type, projections);
            _file = GgufFile.Open(_path);
            WeightFile.Prefetch([_file]);
        }
        catch
        {
            _file?.Dispose();
            File.Delete(_path);
            throw;
        }
    }

    /// <summary>The weights of a projection.</summary>
    public StoredTensor this[string name] => _file.Tensors[name];

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }

    private static void Write(string path, ElementType type, IReadOnlyCollection<Projection> projections)
    {
        byte[] block = Block(type, projections.Max(p => p.Inputs));
        var writer = new GgufWriter();
        foreach (Projection projection in projections)
        {
            writer.AddTensor(projection.Name, type, [projection.Outputs, projection.Inputs], stream =>
            {
                long left = type.RowBytes(projection.Inputs) * projection.Outputs;
                for (; left > 0; left -= block.Length)
                    stream.Write(block.AsSpan(0, (int)Math.Min(left, block.Length)));
            });
        }
        using FileStream file = File.Create(path);
        writer.Write(file);
    }

    /// <summary>
    /// One block of numbers, repeated through the file: what a product costs does not depend on them, and drawing billions would
    /// take longer than multiplying. Uniform, with a variance of 1 / inputs, so that activations stay near 1.
    /// </summary>
    private static unsafe byte[] Block(ElementType type, int inputs)
    {
        var random = new Random(1);
        if (type is ElementType.IQ4_NL or ElementType.IQ4_XS)
            return RandomQuants(type, random, 1 / MathF.Sqrt(inputs));
        float scale = MathF.Sqrt(12f / inputs);
        float[] values = new float[BlockElements];
        foreach (ref float value in values.AsSpan())
            value = (random.NextSingle() - 0.5f) * scale;
        byte[] block = new byte[type.RowBytes(BlockElements)];
        fixed (float* weights = values)
        fixed (byte* destination = block)
            Quantize.Row(type, weights, BlockElements, destination);
        return block;
    }

    /// <summary>The formats that nothing is quantised to: quants, and scales of groups, at random under a scale of the block that is not.</summary>
    private static byte[] RandomQuants(ElementType type, Random random, float deviation)
    {
        // The levels, and a group's scale from -32 to 31, deviate by so much themselves.
        const float LevelDeviation = 67;
        const float GroupScaleDeviation = 18;
        var scale = (Half)(deviation / LevelDeviation / (type == ElementType.IQ4_XS ? GroupScaleDeviation : 1));
        byte[] block = new byte[type.RowBytes(BlockElements)];
        random.NextBytes(block);
        for (int start = 0; start < block.Length; start += type.BlockBytes())
            BinaryPrimitives.WriteHalfLittleEndian(block.AsSpan(start), scale);
        return block;
    }
}
