using System.IO.Compression;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed class TorchFileTests
{
    private static readonly byte[] Storage = [.. Enumerable.Range(0, 12).SelectMany(i => BitConverter.GetBytes((float)i))];

    [Fact]
    public void Views_of_one_storage_lie_where_their_offsets_say()
    {
        PickleWriter pickle = new PickleWriter().Op('}').Op('(')
            .Text("all").Tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1])
            .Text("rows").Tensor("FloatStorage", "0", 12, 4, [2, 4], [4, 1])
            .Text("one").Tensor("FloatStorage", "0", 12, 7, [], [])
            .Text("padded").Tensor("FloatStorage", "0", 12, 10, [1, 2, 1], [99, 1, 99])
            .Text("transposed").Tensor("FloatStorage", "0", 12, 0, [4, 3], [1, 4])
            .Text("parameter").Global("torch._utils", "_rebuild_parameter").Op('(')
                .Tensor("FloatStorage", "0", 12, 1, [1], [1]).Raw(0x88).Op('N').Op('t').Op('R')
            .Text("epoch").Number(3)
            .Op('u').Op('.');
        using TemporaryFolder folder = new();
        using TorchFile file = TorchFile.Open(folder.Write("a.bin", WeightFileBytes.Torch(pickle, Storage)));

        Assert.Equal(["all", "one", "padded", "parameter", "rows"], file.Tensors.Keys.Order());
        Assert.Equal([0f, 1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f, 9f, 10f, 11f], file.Tensors["all"].ToFloats());
        Assert.Equal([4f, 5f, 6f, 7f, 8f, 9f, 10f, 11f], file.Tensors["rows"].ToFloats());
        Assert.Equal([7f], file.Tensors["one"].ToFloats());
        Assert.Equal([10f, 11f], file.Tensors["padded"].ToFloats());
        Assert.Equal([1f], file.Tensors["parameter"].ToFloats());
        Assert.Contains("strided", file.Unreadable["transposed"], StringComparison.Ordinal);
        Assert.Contains("no tensor", file.Unreadable["epoch"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FloatStorage", ElementType.F32, 12)]
    [InlineData("HalfStorage", ElementType.F16, 24)]
    [InlineData("BFloat16Storage", ElementType.BF16, 24)]
    [InlineData("IntStorage", ElementType.I32, 12)]
    [InlineData("LongStorage", ElementType.I64, 6)]
    [InlineData("ByteStorage", ElementType.U8, 48)]
    public void A_storage_class_is_its_element_type(string storage, ElementType type, int count)
    {
        using TemporaryFolder folder = new();
        byte[] bytes = WeightFileBytes.Torch(PickleWriter.One(storage, count, 0, [count], [1]), Storage);
        using TorchFile file = TorchFile.Open(folder.Write("a.bin", bytes));
        Assert.Equal(type, file.Tensors["a"].Type);
        Assert.Equal(48, file.Tensors["a"].ByteLength);
    }

    [Fact]
    public void A_type_that_is_not_read_is_listed_with_its_name()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = WeightFileBytes.Torch(PickleWriter.One("DoubleStorage", 6, 0, [6], [1]), Storage);
        string path = folder.Write("a.bin", bytes);
        using TorchFile file = TorchFile.Open(path);
        Assert.Contains("DoubleStorage", file.Unreadable["a"], StringComparison.Ordinal);

        using Checkpoint checkpoint = Checkpoint.OpenFile(path);
        WeightFileException error = Assert.Throws<WeightFileException>(() => checkpoint.TryGet("a", out _));
        Assert.Contains("'a' is stored as DoubleStorage", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("torch.storage", "_load_from_bytes")]
    [InlineData("torch", "os.system.Storage")]
    [InlineData("collections", "defaultdict")]
    public void Any_other_callable_is_refused_by_name(string module, string name)
    {
        PickleWriter pickle = new PickleWriter().Op('}').Text("a").Global(module, name).Text("x").Raw(0x85).Op('R').Op('s').Op('.');
        Refuses($"asks for '{module}.{name}'", pickle);
    }

    [Fact]
    public void A_view_outside_its_storage_is_refused()
    {
        Refuses("leaves its storage", PickleWriter.One("FloatStorage", 12, 0, [13], [1]));
        Refuses("leaves its storage", PickleWriter.One("FloatStorage", 12, 5, [8], [1]));
        Refuses("leaves its storage", PickleWriter.One("FloatStorage", 12, -1, [1], [1]));
        Refuses("leaves its storage", PickleWriter.One("FloatStorage", 12, long.MaxValue, [1], [1]));
        Refuses("leaves its storage", PickleWriter.One("FloatStorage", 12, 0, [1L << 40, 1L << 40], [1, 1]));
        Refuses("size or stride", PickleWriter.One("FloatStorage", 12, 0, [-1], [1]));
        Refuses("has 48 bytes", PickleWriter.One("FloatStorage", 13, 0, [13], [1]));
        Refuses("has 48 bytes", PickleWriter.One("FloatStorage", long.MaxValue, 0, [12], [1]));
        Refuses("9 dimensions", PickleWriter.One("FloatStorage", 12, 0, [1, 1, 1, 1, 1, 1, 1, 1, 1], []));
        PickleWriter lacking = new PickleWriter().Op('}').Text("a").Tensor("FloatStorage", "../x", 1, 0, [1], [1]).Op('s').Op('.');
        Refuses("'../x', which the archive lacks", lacking);
    }

    [Fact]
    public void A_broken_pickle_is_refused()
    {
        Refuses("truncated", new PickleWriter().Op('}'));
        Refuses("more values than there are", new PickleWriter().Op('.'));
        Refuses("more values than there are", new PickleWriter().Op('}').Op('(').Op('s'));
        Refuses("no mark", new PickleWriter().Op('}').Op('u'));
        Refuses("never stored", new PickleWriter().Raw((byte)'h', 7));
        Refuses("no state dict", new PickleWriter().Op('N').Op('.'));
        Refuses("protocol 4", new PickleWriter().Raw(0x80, 4));
        Refuses("opcode 0x69", new PickleWriter().Op('i'));
        Refuses("opcode 0x81", new PickleWriter().Raw(0x81));
        Refuses("no UTF-8", new PickleWriter().Raw((byte)'X', 1, 0, 0, 0, 0xff));
        Refuses("9 bytes", new PickleWriter().Raw(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        Refuses("'a' twice", new PickleWriter().Op('}').Op('(').Text("a").Op('N').Text("a").Op('N').Op('u'));
        Refuses("no string", new PickleWriter().Op('}').Op('N').Op('N').Op('s'));
        Refuses("Dictionary", new PickleWriter().Op('N').Op('N').Op('N').Op('s'));
        Refuses("without a value", new PickleWriter().Op('}').Op('(').Text("a").Op('u'));
        Refuses("Callable", new PickleWriter().Op('N').Op(')').Op('R'));
        Refuses("persistent id", new PickleWriter().Op(')').Op('Q'));
        Refuses("does not take", new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Op(')').Op('R'));
    }

    [Fact]
    public void A_pickle_that_only_wants_memory_is_stopped()
    {
        // 2 MB of empty dictionaries; then 100 lists that each hold the list before it twice.
        Refuses("opcodes", new PickleWriter().Raw([.. Enumerable.Repeat((byte)'}', 2 << 20)]));
        PickleWriter nested = new PickleWriter().Op(']').Raw((byte)'q', 0);
        for (int i = 0; i < 100; i++)
            nested.Op(']').Op('(').Raw((byte)'h', 0).Raw((byte)'h', 0).Op('e').Raw((byte)'q', 0);
        Refuses("no state dict", nested.Op('.'));
        Refuses("at most 16777216", new PickleWriter().Raw(new byte[17 << 20]));
    }

    [Fact]
    public void Other_archives_and_formats_are_refused()
    {
        byte[] pickle = PickleWriter.One("FloatStorage", 12, 0, [12], [1]).ToArray();
        Refuses("before PyTorch 1.6", [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46]);
        Refuses("zip archive", [1, 2, 3]);
        Refuses("compressed", CompressionLevel.Optimal, ("t/data.pkl", pickle), ("t/data/0", Storage));
        Refuses("0 files data.pkl", CompressionLevel.NoCompression, ("t/data/0", Storage));
        Refuses("2 files data.pkl", CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("u/data.pkl", pickle));
        Refuses("there twice", CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("t/data.pkl", pickle));
        Refuses(
            "byte order",
            CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("t/byteorder", "big"u8.ToArray()), ("t/data/0", Storage));
        Refuses("archive lacks", CompressionLevel.NoCompression, ("t/data.pkl", pickle));
    }

    [Fact]
    public void Zip64_sizes_and_places_are_used()
    {
        using TemporaryFolder folder = new();
        byte[] pickle = PickleWriter.One("FloatStorage", 12, 4, [2], [1]).ToArray();
        string path = folder.Write("a.pth", WeightFileBytes.Zip64Archive(("t/data.pkl", pickle), ("t/data/0", Storage)));
        using Checkpoint checkpoint = Checkpoint.OpenFile(path);
        Assert.Equal([4f, 5f], checkpoint.Get("a").ToFloats());
    }

    [Fact]
    public void A_state_dict_with_attributes_reads()
    {
        using TorchFile file = TorchFile.Open(Fixtures.Path("llava", "clip-vit-tiny-patch14-56", "pytorch_model.bin"));
        Assert.Empty(file.Unreadable);
        Assert.Equal(79, file.Tensors.Count);
        Assert.Equal([.. Enumerable.Range(0, 17).Select(i => (long)i)], file.Tensors["vision_model.embeddings.position_ids"].ToInt64s());
        Assert.Equal([1L, 17L], file.Tensors["vision_model.embeddings.position_ids"].Shape);
        Assert.Empty(file.Tensors["logit_scale"].Shape);
    }

    private static void Refuses(string problem, PickleWriter pickle) => Refuses(problem, WeightFileBytes.Torch(pickle, Storage));

    private static void Refuses(string problem, CompressionLevel level, params (string, byte[])[] files) =>
        Refuses(problem, WeightFileBytes.Archive(level, files));

    private static void Refuses(string problem, byte[] bytes)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("wrong.bin", bytes);
        WeightFileException error = Soon.WithinASecond(() => Assert.Throws<WeightFileException>(() => TorchFile.Open(path)));
        Assert.Equal(path, error.File);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }
}
