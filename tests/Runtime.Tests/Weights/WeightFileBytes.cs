using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Tests.Weights;

/// <summary>Small weight files for tests, right or wrong as the test wants.</summary>
internal static class WeightFileBytes
{
    /// <summary>A safetensors file of this header text and this much data: 0, 1, 2, …</summary>
    public static byte[] Safetensors(string header, int dataBytes)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        for (int i = 0; i < dataBytes; i++)
            file[8 + json.Length + i] = (byte)i;
        return file;
    }

    /// <summary>A safetensors file of one F32 tensor, a number.</summary>
    public static byte[] OneNumber(string name) => Safetensors($$"""{"{{name}}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} }""", 4);

    /// <summary>A PyTorch archive of this pickle and these storages, "0", "1", …</summary>
    public static byte[] Torch(PickleWriter pickle, params byte[][] storages) =>
        Archive(
            CompressionLevel.NoCompression,
            [("t/data.pkl", pickle.ToArray()), .. storages.Select((bytes, i) => ($"t/data/{i}", bytes))]);

    public static byte[] Archive(CompressionLevel level, (string Name, byte[] Bytes)[] files)
    {
        using MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in files)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(bytes);
            }
        }
        return stream.ToArray();
    }

    /// <summary>An archive whose sizes and places are all in zip64 fields, as those of files above 4 GiB are.</summary>
    public static byte[] Zip64Archive(params (string Name, byte[] Bytes)[] files)
    {
        using MemoryStream archive = new();
        using MemoryStream directory = new();
        using BinaryWriter local = new(archive);
        using BinaryWriter central = new(directory);
        foreach ((string name, byte[] bytes) in files)
        {
            long place = archive.Position;
            local.Write(0x04034b50);
            local.Write(new byte[22]);
            local.Write((ushort)name.Length);
            local.Write((ushort)3);
            local.Write(Encoding.ASCII.GetBytes(name + "pad"));
            local.Write(bytes);

            central.Write(0x02014b50);
            central.Write(new byte[16]);
            central.Write(-1);
            central.Write(-1);
            central.Write((ushort)name.Length);
            central.Write((ushort)(5 + 28));
            central.Write(new byte[10]);
            central.Write(-1);
            central.Write(Encoding.ASCII.GetBytes(name));
            central.Write([0x42, 0x46, 1, 0, 0]); // another extra field first
            central.Write((ushort)1);
            central.Write((ushort)24);
            central.Write((long)bytes.Length);
            central.Write((long)bytes.Length);
            central.Write(place);
        }
        long start = archive.Position;
        local.Write(directory.ToArray());
        long end = archive.Position;
        local.Write(0x06064b50);
        local.Write(new byte[28]);
        local.Write((long)files.Length);
        local.Write(directory.Length);
        local.Write(start);
        local.Write(0x07064b50);
        local.Write(0);
        local.Write(end);
        local.Write(1);
        local.Write(0x06054b50);
        local.Write(0);
        local.Write(-1);
        local.Write(-1);
        local.Write(-1);
        local.Write((ushort)2);
        local.Write("hi"u8);
        return archive.ToArray();
    }

    /// <summary>Reads every byte that the tensors claim to be.</summary>
    public static void ReadAll(WeightFile file)
    {
        foreach (StoredTensor tensor in file.Tensors.Values)
        {
            if (tensor.Type is Kernels.ElementType.F32 or Kernels.ElementType.F16 or Kernels.ElementType.BF16)
                Assert.Equal(tensor.ElementCount, tensor.ToFloats().Length);
            else
                Assert.Equal(tensor.ElementCount, tensor.ToInt64s().Length);
        }
    }
}

/// <summary>Writes pickles, opcode by opcode.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public PickleWriter() => Raw(0x80, 2);

    public PickleWriter Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Op(char opcode) => Raw((byte)opcode);

    public PickleWriter Global(string module, string name) => Raw(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    public PickleWriter Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        return Op('X').Raw(length).Raw(utf8);
    }

    public PickleWriter Number(long value)
    {
        byte[] wide = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(wide, value);
        return Raw(0x8a, 8).Raw(wide);
    }

    public PickleWriter Numbers(long[] values)
    {
        Op('(');
        foreach (long value in values)
            Number(value);
        return Op('t');
    }

    public PickleWriter Tensor(string type, string key, long count, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2")
            .Op('(').Op('(').Text("storage").Global("torch", type).Text(key).Text("cpu").Number(count).Op('t').Op('Q')
            .Number(offset).Numbers(shape).Numbers(strides)
            .Raw(0x89).Global("collections", "OrderedDict").Op(')').Op('R')
            .Op('t').Op('R');

    /// <summary>A state dict of one tensor.</summary>
    public static PickleWriter One(string type, long count, long offset, long[] shape, long[] strides) =>
        new PickleWriter().Op('}').Text("a").Tensor(type, "0", count, offset, shape, strides).Op('s').Op('.');

    public byte[] ToArray() => [.. _bytes];
}
