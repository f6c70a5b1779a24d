using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace ChainOfSpot.TestSupport;

/// <summary>Reference tensors, read without the reader under test.</summary>
internal sealed class SafetensorsFixture
{
    private readonly byte[] _bytes;
    private readonly JsonElement _header;
    private readonly int _data;

    public SafetensorsFixture(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, headerLength)).RootElement;
        _data = 8 + headerLength;
    }

    public int[] Shape(string name) => [.. _header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];

    public ReadOnlySpan<byte> Bytes(string name)
    {
        JsonElement offsets = _header.GetProperty(name).GetProperty("data_offsets");
        return _bytes.AsSpan()[(_data + offsets[0].GetInt32())..(_data + offsets[1].GetInt32())];
    }

    public ReadOnlySpan<float> Floats(string name) => MemoryMarshal.Cast<byte, float>(Bytes(name));

    public ReadOnlySpan<long> Integers(string name) => MemoryMarshal.Cast<byte, long>(Bytes(name));

    public bool Contains(string name) => _header.TryGetProperty(name, out _);
}
