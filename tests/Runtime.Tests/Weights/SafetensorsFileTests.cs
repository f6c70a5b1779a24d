using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Golden_tensors_read_as_numbers()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path("llava", "hf-mha.golden", "golden.safetensors"));

        StoredTensor ids = file.Tensors["case0.pass1.input_ids"];
        Assert.Equal(ElementType.I64, ids.Type);
        long[] tokens = ids.ToInt64s();
        Assert.Equal(ids.Shape[0], tokens.Length);
        Assert.Equal(1, tokens[0]);
        Assert.Single(tokens, token => token == -200);

        // The greedy token is the largest logit.
        StoredTensor logits = file.Tensors["case0.pass1.logits_last"];
        Assert.Equal(ElementType.F32, logits.Type);
        Assert.Equal([576L], logits.Shape);
        float[] values = logits.ToFloats();
        Assert.Equal(file.Tensors["case0.pass1.tokens"].ToInt64s()[0], Array.IndexOf(values, values.Max()));
        Assert.Throws<WeightFileException>(() => ids.ToFloats());
        Assert.Throws<WeightFileException>(() => logits.ToInt64s());
    }

    [Fact]
    public void Every_type_reads_at_any_alignment()
    {
        using TemporaryFolder folder = new();
        const string Header =
            """
            {"__metadata__":{"format":"pt","é":"\u00fc"},
             "pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
             "f32":{"dtype":"F32","shape":[1,2],"data_offsets":[1,9]},
             "f16":{"dtype":"F16","shape":[2],"data_offsets":[9,13]},
             "bf16":{"dtype":"BF16","shape":[2],"data_offsets":[13,17]},
             "i32":{"dtype":"I32","shape":[],"data_offsets":[17,21]},
             "i64":{"dtype":"I64","shape":[1],"data_offsets":[21,29]},
             "none":{"dtype":"F32","shape":[0,3],"data_offsets":[29,29]},
             "f64":{"dtype":"F64","shape":[1],"data_offsets":[29,37]}}
            """;
        byte[] bytes = WeightFileBytes.Safetensors(Header, 37);
        Span<byte> data = bytes.AsSpan(bytes.Length - 37);
        data[0] = 200;
        BitConverter.TryWriteBytes(data[1..], 1.5f);
        BitConverter.TryWriteBytes(data[5..], float.NegativeInfinity);
        BitConverter.TryWriteBytes(data[9..], (Half)(-0.25f));
        BitConverter.TryWriteBytes(data[11..], Half.Epsilon);
        BitConverter.TryWriteBytes(data[13..], (ushort)0x3f80);
        BitConverter.TryWriteBytes(data[15..], (ushort)0xc040);
        BitConverter.TryWriteBytes(data[17..], -7);
        BitConverter.TryWriteBytes(data[21..], long.MinValue);

        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("all.safetensors", bytes));

        Assert.Equal([200L], file.Tensors["pad"].ToInt64s());
        Assert.Equal([1.5f, float.NegativeInfinity], file.Tensors["f32"].ToFloats());
        Assert.Equal([1L, 2L], file.Tensors["f32"].Shape);
        Assert.Equal([-0.25f, 5.9604645e-8f], file.Tensors["f16"].ToFloats());
        Assert.Equal([1f, -3f], file.Tensors["bf16"].ToFloats());
        Assert.Equal([-7L], file.Tensors["i32"].ToInt64s());
        Assert.Empty(file.Tensors["i32"].Shape);
        Assert.Equal([long.MinValue], file.Tensors["i64"].ToInt64s());
        Assert.Empty(file.Tensors["none"].ToFloats());
        Assert.Contains("F64", file.Unreadable["f64"], StringComparison.Ordinal);
        Assert.Equal(7, file.Tensors.Count);
        Assert.Equal("ü", file.Metadata["é"]);
    }

    [Theory]
    [InlineData("", 0, "malformed header")]
    [InlineData("[]", 0, "StartObject")]
    [InlineData("{}x", 0, "malformed header")]
    [InlineData("""{"a":7}""", 0, "StartObject")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "'a' needs")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "'a' needs")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "repeated field 'dtype'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "something else than numbers in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}""", 4, "in data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 4, "more than 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "impossible shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}""", 4, "impossible shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "'a'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", 8, "needs 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "before its begin")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "4 after the tensor before it")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "1 bytes behind")]
    [InlineData("""{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}""", 2, "twice")]
    [InlineData("""{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[],"data_offsets":[1,2]}}""", 2, "twice")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "String")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "'__metadata__' is there twice")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "malformed header")]
    public void A_wrong_header_is_refused_for_what_is_wrong(string header, int dataBytes, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("wrong.safetensors", WeightFileBytes.Safetensors(header, dataBytes));
        WeightFileException error = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path));
        Assert.Equal(path, error.File);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_above_100_MB_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Root, "large.safetensors");
        using (FileStream stream = File.Create(path))
        {
            stream.Write(BitConverter.GetBytes(100_000_001L));
            stream.SetLength(200_000_000);
        }
        WeightFileException error = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path));
        Assert.Contains("at most 100000000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_behind_4_GiB_are_found()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Needs a file system that keeps holes in files without being asked.");
        using TemporaryFolder folder = new();
        const long Hole = 5L << 30;
        string header = $$"""
            {"hole":{"dtype":"F32","shape":[{{Hole / 4}}],"data_offsets":[0,{{Hole}}]},
             "end":{"dtype":"F32","shape":[1],"data_offsets":[{{Hole}},{{Hole + 4}}]} }
            """;
        byte[] start = WeightFileBytes.Safetensors(header, 0);
        string path = folder.Write("large.safetensors", start);
        using (FileStream stream = File.OpenWrite(path))
        {
            stream.Position = start.Length + Hole;
            stream.Write(BitConverter.GetBytes(42f));
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([42f], file.Tensors["end"].ToFloats());
        Assert.Equal(Hole, file.Tensors["hole"].ByteLength);
        Assert.Equal(Hole, file.Tensors["end"].Data - file.Tensors["hole"].Data);
    }

    [Fact]
    public void What_is_no_file_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("does not exist", Problem(Path.Combine(folder.Root, "none.safetensors")), StringComparison.Ordinal);
        Assert.Contains("folder", Problem(folder.Root), StringComparison.Ordinal);
        Assert.Contains("empty", Problem(folder.Write("empty.safetensors", [])), StringComparison.Ordinal);
        string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        Assert.Contains("git lfs pull", Problem(folder.Write("lfs.safetensors", pointer)), StringComparison.Ordinal);

        static string Problem(string path) => Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path)).Message;
    }

    [Fact]
    public void An_error_quotes_a_hostile_name_short_and_printable()
    {
        using TemporaryFolder folder = new();
        string header = $$"""{"\u001b[2J{{new string('x', 5000)}}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} }""";
        string path = folder.Write("wrong.safetensors", WeightFileBytes.Safetensors(header, 3));
        string message = Assert.Throws<WeightFileException>(() => SafetensorsFile.Open(path)).Message;
        Assert.DoesNotContain('\u001b', message);
        Assert.InRange(message.Length, path.Length, path.Length + 402);
    }
}
