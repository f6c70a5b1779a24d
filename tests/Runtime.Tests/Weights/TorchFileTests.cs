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
        Assert.Contains($"asks for '{module}.{name}'", Problem(pickle), StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_outside_its_storage_is_refused()
    {
        Assert.Contains("leaves its storage", Problem(PickleWriter.One("FloatStorage", 12, 0, [13], [1])), StringComparison.Ordinal);
        Assert.Contains("leaves its storage", Problem(PickleWriter.One("FloatStorage", 12, 5, [8], [1])), StringComparison.Ordinal);
        Assert.Contains("leaves its storage", Problem(PickleWriter.One("FloatStorage", 12, -1, [1], [1])), StringComparison.Ordinal);
        Assert.Contains(
            "leaves its storage", Problem(PickleWriter.One("FloatStorage", 12, long.MaxValue, [1], [1])), StringComparison.Ordinal);
        Assert.Contains(
            "leaves its storage", Problem(PickleWriter.One("FloatStorage", 12, 0, [1L << 40, 1L << 40], [1, 1])), StringComparison.Ordinal);
        Assert.Contains("size or stride", Problem(PickleWriter.One("FloatStorage", 12, 0, [-1], [1])), StringComparison.Ordinal);
        Assert.Contains("has 48 bytes", Problem(PickleWriter.One("FloatStorage", 13, 0, [13], [1])), StringComparison.Ordinal);
        Assert.Contains("has 48 bytes", Problem(PickleWriter.One("FloatStorage", long.MaxValue, 0, [12], [1])), StringComparison.Ordinal);
        Assert.Contains(
            "9 dimensions", Problem(PickleWriter.One("FloatStorage", 12, 0, [1, 1, 1, 1, 1, 1, 1, 1, 1], [])), StringComparison.Ordinal);
        PickleWriter lacking = new PickleWriter().Op('}').Text("a").Tensor("FloatStorage", "../x", 1, 0, [1], [1]).Op('s').Op('.');
        Assert.Contains("'../x', which the archive lacks", Problem(lacking), StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_pickle_is_refused()
    {
        Assert.Contains("truncated", Problem(new PickleWriter().Op('}')), StringComparison.Ordinal);
        Assert.Contains("more values than there are", Problem(new PickleWriter().Op('.')), StringComparison.Ordinal);
        Assert.Contains("more values than there are", Problem(new PickleWriter().Op('}').Op('(').Op('s')), StringComparison.Ordinal);
        Assert.Contains("no mark", Problem(new PickleWriter().Op('}').Op('u')), StringComparison.Ordinal);
        Assert.Contains("never stored", Problem(new PickleWriter().Raw((byte)'h', 7)), StringComparison.Ordinal);
        Assert.Contains("no state dict", Problem(new PickleWriter().Op('N').Op('.')), StringComparison.Ordinal);
        Assert.Contains("protocol 4", Problem(new PickleWriter().Raw(0x80, 4)), StringComparison.Ordinal);
        Assert.Contains("opcode 0x69", Problem(new PickleWriter().Op('i')), StringComparison.Ordinal);
        Assert.Contains("opcode 0x81", Problem(new PickleWriter().Raw(0x81)), StringComparison.Ordinal);
        Assert.Contains("no UTF-8", Problem(new PickleWriter().Raw((byte)'X', 1, 0, 0, 0, 0xff)), StringComparison.Ordinal);
        Assert.Contains("9 bytes", Problem(new PickleWriter().Raw(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)), StringComparison.Ordinal);
        Assert.Contains("'a' twice", Problem(new PickleWriter().Op('}').Op('(').Text("a").Op('N').Text("a").Op('N').Op('u')), StringComparison.Ordinal);
        Assert.Contains("no string", Problem(new PickleWriter().Op('}').Op('N').Op('N').Op('s')), StringComparison.Ordinal);
        Assert.Contains("Dictionary", Problem(new PickleWriter().Op('N').Op('N').Op('N').Op('s')), StringComparison.Ordinal);
        Assert.Contains("without a value", Problem(new PickleWriter().Op('}').Op('(').Text("a").Op('u')), StringComparison.Ordinal);
        Assert.Contains("Callable", Problem(new PickleWriter().Op('N').Op(')').Op('R')), StringComparison.Ordinal);
        Assert.Contains("persistent id", Problem(new PickleWriter().Op(')').Op('Q')), StringComparison.Ordinal);
        Assert.Contains(
            "does not take", Problem(new PickleWriter().Global("torch._utils", "_rebuild_tensor_v2").Op(')').Op('R')), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_that_only_wants_memory_is_stopped()
    {
        // 2 MB of empty dictionaries; then 100 lists that each hold the list before it twice.
        Assert.Contains("opcodes", Problem(new PickleWriter().Raw([.. Enumerable.Repeat((byte)'}', 2 << 20)])), StringComparison.Ordinal);
        PickleWriter nested = new PickleWriter().Op(']').Raw((byte)'q', 0);
        for (int i = 0; i < 100; i++)
            nested.Op(']').Op('(').Raw((byte)'h', 0).Raw((byte)'h', 0).Op('e').Raw((byte)'q', 0);
        Assert.Contains("no state dict", Problem(nested.Op('.')), StringComparison.Ordinal);
        Assert.Contains("at most 16777216", Problem(new PickleWriter().Raw(new byte[17 << 20])), StringComparison.Ordinal);
    }

    [Fact]
    public void Other_archives_and_formats_are_refused()
    {
        byte[] pickle = PickleWriter.One("FloatStorage", 12, 0, [12], [1]).ToArray();
        Assert.Contains("before PyTorch 1.6", Problem([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46]), StringComparison.Ordinal);
        Assert.Contains("zip archive", Problem([1, 2, 3]), StringComparison.Ordinal);
        Assert.Contains(
            "compressed", Archive(CompressionLevel.Optimal, ("t/data.pkl", pickle), ("t/data/0", Storage)), StringComparison.Ordinal);
        Assert.Contains(
            "0 files data.pkl", Archive(CompressionLevel.NoCompression, ("t/data/0", Storage)), StringComparison.Ordinal);
        Assert.Contains(
            "2 files data.pkl", Archive(CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("u/data.pkl", pickle)), StringComparison.Ordinal);
        Assert.Contains(
            "there twice", Archive(CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("t/data.pkl", pickle)), StringComparison.Ordinal);
        Assert.Contains(
            "byte order",
            Archive(CompressionLevel.NoCompression, ("t/data.pkl", pickle), ("t/byteorder", "big"u8.ToArray()), ("t/data/0", Storage)),
            StringComparison.Ordinal);
        Assert.Contains("archive lacks", Archive(CompressionLevel.NoCompression, ("t/data.pkl", pickle)), StringComparison.Ordinal);

        static string Archive(CompressionLevel level, params (string, byte[])[] files) => Problem(WeightFileBytes.Archive(level, files));
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

    private static string Problem(PickleWriter pickle) => Problem(WeightFileBytes.Torch(pickle, Storage));

    private static string Problem(byte[] bytes)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("wrong.bin", bytes);
        return Assert.Throws<WeightFileException>(() => TorchFile.Open(path)).Message;
    }
}
