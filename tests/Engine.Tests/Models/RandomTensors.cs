using System.Buffers.Binary;
using System.Text.Json;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>A safetensors file of random numbers, scaled so that the values of a model neither vanish nor explode.</summary>
internal sealed class RandomTensors(ElementType type, int seed)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, object> _header = [];
    private readonly List<byte> _data = [];

    public void Add(string name, params int[] shape)
    {
        int inputs = shape.Length == 1 ? 16 : shape[1..].Aggregate(1, (a, b) => a * b);
        Add(name, shape, () => ((2 * _random.NextSingle()) - 1) * MathF.Sqrt(3f / inputs));
    }

    public void AddNorm(string name, int width) => Add(name, [width], () => 0.5f + _random.NextSingle());

    public void Save(string path)
    {
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(_header);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        File.WriteAllBytes(path, [.. length, .. header, .. _data]);
    }

    private void Add(string name, int[] shape, Func<float> next)
    {
        int start = _data.Count;
        int count = shape.Aggregate(1, (a, b) => a * b);
        for (int i = 0; i < count; i++)
            Write(next());
        _header.Add(name, new { dtype = type.ToString(), shape, data_offsets = new[] { start, _data.Count } });
    }

    private void Write(float value)
    {
        Span<byte> bytes = stackalloc byte[4];
        switch (type)
        {
            case ElementType.F16:
                BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value);
                break;
            case ElementType.BF16:
                BinaryPrimitives.WriteInt16LittleEndian(bytes, (short)(BitConverter.SingleToInt32Bits(value) >> 16));
                break;
            default:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
                break;
        }
        _data.AddRange(bytes[..type.Size()]);
    }
}
