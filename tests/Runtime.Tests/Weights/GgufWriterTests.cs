using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed unsafe class GgufWriterTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("llama-f16")]
    [InlineData("llama-q8_0-mha-tied")]
    [InlineData("llama-kmix")]
    [InlineData("mmproj-f16")]
    public void A_copied_file_has_the_same_bytes(string name)
    {
        string original = Fixtures.Path("gguf", name + ".gguf");
        using GgufFile file = GgufFile.Open(original);
        GgufWriter writer = new();
        foreach ((string key, object value) in file.Metadata.Values)
            writer.AddMetadata(key, value);
        foreach (StoredTensor tensor in file.Tensors.Values)
        {
            writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, stream =>
                stream.Write(new ReadOnlySpan<byte>((void*)tensor.Data, (int)tensor.ByteLength)));
        }
        using (FileStream stream = File.Create(_path))
            writer.Write(stream);
        Assert.Equal(File.ReadAllBytes(original), File.ReadAllBytes(_path));
    }

    [Fact]
    public void Metadata_of_every_type_comes_back()
    {
        object[] values =
        [
            (byte)200, (sbyte)-100, (ushort)60000, (short)-30000, 4000000000u, -2000000000, ulong.MaxValue, long.MinValue, 1.5f, -0.1,
            true, "▁naïve", new byte[] { 1, 2 }, new sbyte[] { -1 }, new ushort[] { 3 }, new short[] { -3 }, new[] { 5u },
            new[] { -5, 6 }, new[] { ulong.MaxValue }, new[] { long.MinValue }, new[] { 0.5f, -0f }, new[] { 0.1 },
            new[] { true, false }, new[] { "", "a\n" }, Array.Empty<string>(),
        ];
        GgufWriter writer = new();
        for (int i = 0; i < values.Length; i++)
            writer.AddMetadata($"key.{i}", values[i]);
        using GgufFile file = Reopen(writer);
        Assert.Equal(values, file.Metadata.Values.Values);
        for (int i = 0; i < values.Length; i++)
            Assert.Equal(values[i].GetType(), file.Metadata.Values[$"key.{i}"].GetType());
    }

    [Fact]
    public void Random_tensors_come_back_aligned()
    {
        ElementType[] types = [.. Enum.GetValues<ElementType>().Where(type => type != ElementType.U8)];
        Gen<(ElementType Type, long[] Shape)> tensor =
            Gen.Int[0, types.Length - 1].Select(Gen.Int[1, 5].Array[1, 4], (index, dimensions) => (
                types[index], (long[])[.. dimensions[..^1], (long)dimensions[^1] * types[index].BlockElements()]));
        tensor.Array[0, 6].Select(Gen.Int[3, 12].Select(exponent => 1u << exponent)).Sample(
            (expected, alignment) =>
            {
                GgufWriter writer = new();
                writer.AddMetadata("general.alignment", alignment);
                for (int i = 0; i < expected.Length; i++)
                {
                    (ElementType type, long[] shape) = expected[i];
                    byte[] data = Filled(type, shape, (byte)i);
                    writer.AddTensor($"t{i}", type, shape, stream => stream.Write(data));
                }
                using GgufFile file = Reopen(writer);
                Assert.Equal(expected.Length, file.Tensors.Count);
                for (int i = 0; i < expected.Length; i++)
                {
                    StoredTensor actual = file.Tensors[$"t{i}"];
                    Assert.Equal(expected[i].Type, actual.Type);
                    Assert.Equal(expected[i].Shape, actual.Shape);
                    Assert.Equal(0, actual.Data % (nint)alignment);
                    var bytes = new ReadOnlySpan<byte>((void*)actual.Data, (int)actual.ByteLength);
                    Assert.Equal(Filled(actual.Type, expected[i].Shape, (byte)i), bytes.ToArray());
                }
            },
            iter: 50, threads: 1);
    }

    [Fact]
    public void What_no_reader_would_take_is_refused()
    {
        GgufWriter writer = new();
        writer.AddMetadata("a", 1);
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("a", 2));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("b", 1m));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("b", ElementType.F16));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("b", new[] { new[] { 1 } }));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("general.alignment", 24u));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata(new string('k', 65536), 1));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", ElementType.U8, [1], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", ElementType.F32, [], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", ElementType.Q8_0, [2, 33], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.AddTensor(new string('t', 65), ElementType.F32, [1], _ => { }));
        writer.AddTensor("short", ElementType.F32, [2], stream => stream.Write(new byte[7]));
        Assert.Throws<InvalidOperationException>(() => writer.Write(new MemoryStream()));
    }

    private static byte[] Filled(ElementType type, long[] shape, byte fill)
    {
        var bytes = new byte[shape[..^1].Aggregate(1L, (a, b) => a * b) * type.RowBytes(shape[^1])];
        Array.Fill(bytes, fill);
        return bytes;
    }

    private GgufFile Reopen(GgufWriter writer)
    {
        using (FileStream stream = File.Create(_path))
            writer.Write(stream);
        return GgufFile.Open(_path);
    }
}
