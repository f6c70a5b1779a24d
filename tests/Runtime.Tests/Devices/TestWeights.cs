using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <summary>Random matrices of any type in a weight file.</summary>
internal sealed unsafe class TestWeights : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly GgufFile _file;

    /// <summary>A matrix of each type, rows and columns.</summary>
    public TestWeights(params (ElementType Type, int Rows, int Columns)[] matrices)
    {
        var writer = new GgufWriter();
        var random = new Random(matrices.Length);
        for (int i = 0; i < matrices.Length; i++)
        {
            (ElementType type, int rows, int columns) = matrices[i];
            // Some of them are subnormal as halves.
            float[] values = [.. Enumerable.Range(0, rows * columns).Select(n => ((random.NextSingle() * 2) - 1) * (n % 97 == 0 ? 1e-6f : 1))];
            byte[] stored = new byte[type.RowBytes(values.Length)];
            fixed (float* source = values)
            {
                fixed (byte* target = stored)
                    Quantize.Row(type, source, values.Length, target);
            }
            writer.AddTensor($"{i}", type, [rows, columns], stream => stream.Write(stored));
        }
        string path = _folder.Write("w.gguf", []);
        using (FileStream stream = File.Create(path))
            writer.Write(stream);
        _file = GgufFile.Open(path);
    }

    /// <summary>All of them as one weight.</summary>
    public Weight Load(Device device) => device.LoadWeight([.. _file.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => t.Value)]);

    /// <summary>Random blocks of the types that there is no quantiser for: any bits are weights, if the scale is a sensible number.</summary>
    public static void FillIQ4(ElementType type, Span<byte> blocks, Random random)
    {
        random.NextBytes(blocks);
        Half scale = (Half)(type == ElementType.IQ4_NL ? 0.008f : 0.0004f);
        for (int block = 0; block < blocks.Length; block += type.BlockBytes())
            BitConverter.TryWriteBytes(blocks[block..], scale);
    }

    public void Dispose()
    {
        _file.Dispose();
        _folder.Dispose();
    }
}
