using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed unsafe class CheckpointTests
{
    [Fact]
    public void The_converted_layout_opens()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("llava", "hf-mha"));
        AssertHolds(
            checkpoint, ElementType.F16,
            Llm(
                "language_model.model.", "language_model.lm_head",
                layers: 3, hidden: 64, keys: 64, queries: 64, inner: 160, vocabulary: 576),
            Projector("multi_modal_projector.linear_1", "multi_modal_projector.linear_2", tower: 48, hidden: 64),
            Tower("vision_tower.vision_model.", layers: 4, hidden: 48, inner: 96, positions: 17));
    }

    [Fact]
    public void The_newer_layout_opens_from_its_shards()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("llava", "hf-gqa-sharded"));
        AssertHolds(
            checkpoint, ElementType.BF16,
            Llm("model.language_model.", "lm_head", layers: 3, hidden: 64, keys: 48, queries: 96, inner: 144, vocabulary: 576),
            Projector("model.multi_modal_projector.linear_1", "model.multi_modal_projector.linear_2", tower: 48, hidden: 64),
            Tower("model.vision_tower.vision_model.", layers: 5, hidden: 48, inner: 112, positions: 37));
        Assert.Equal(2, checkpoint.Tensors.Values.Select(tensor => tensor.File).Distinct().Count());
    }

    [Fact]
    public void The_original_layout_with_its_tower_inside_opens()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("llava", "orig-safetensors-embedded-tower"));
        AssertHolds(
            checkpoint, ElementType.BF16,
            Llm("model.", "lm_head", layers: 2, hidden: 96, keys: 96, queries: 96, inner: 192, vocabulary: 512),
            Projector("model.mm_projector.0", "model.mm_projector.2", tower: 64, hidden: 96),
            Tower("model.vision_tower.vision_tower.vision_model.", layers: 3, hidden: 64, inner: 128, positions: 17));
    }

    [Fact]
    public void The_original_torch_layout_opens()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("llava", "orig-bin"));
        AssertHolds(
            checkpoint, ElementType.F32,
            Enumerable.Range(0, 3).Select(layer => ($"model.layers.{layer}.self_attn.rotary_emb.inv_freq", new long[] { 8 })));
        AssertHolds(
            checkpoint, ElementType.F16,
            Llm("model.", "lm_head", layers: 3, hidden: 64, keys: 64, queries: 64, inner: 160, vocabulary: 512),
            Projector("model.mm_projector.0", "model.mm_projector.2", tower: 48, hidden: 64));

        using Checkpoint tower = Checkpoint.Open(Fixtures.Path("llava", "clip-vit-tiny-patch14-56"));
        AssertHolds(
            tower, ElementType.F16,
            Tower("vision_model.", layers: 4, hidden: 48, inner: 96, positions: 17),
            [
                ("visual_projection.weight", [32, 48]),
                ("text_projection.weight", [32, 32]),
                ("text_model.embeddings.token_embedding.weight", [40, 32]),
                ("text_model.encoder.layers.0.self_attn.k_proj.weight", [32, 32]),
                ("text_model.final_layer_norm.weight", [32]),
            ]);
        AssertHolds(
            tower, ElementType.I64,
            [("vision_model.embeddings.position_ids", [1, 17]), ("text_model.embeddings.position_ids", [1, 16])]);
        AssertHolds(tower, ElementType.F32, [("logit_scale", [])]);
    }

    [Fact]
    public void Torch_and_safetensors_hold_the_same_bytes()
    {
        using Checkpoint converted = Checkpoint.Open(Fixtures.Path("llava", "hf-mha"));
        using Checkpoint original = Checkpoint.Open(Fixtures.Path("llava", "orig-bin"));
        using Checkpoint tower = Checkpoint.Open(Fixtures.Path("llava", "clip-vit-tiny-patch14-56"));
        int compared = 0;
        foreach ((string name, StoredTensor expected) in converted.Tensors)
        {
            StoredTensor actual = name.StartsWith("vision_tower.", StringComparison.Ordinal)
                ? tower.Get(name["vision_tower.".Length..])
                : original.Get(name
                    .Replace("language_model.", "", StringComparison.Ordinal)
                    .Replace("multi_modal_projector.linear_1", "model.mm_projector.0", StringComparison.Ordinal)
                    .Replace("multi_modal_projector.linear_2", "model.mm_projector.2", StringComparison.Ordinal));
            Assert.Equal(expected.Type, actual.Type);
            // The converted vocabulary is padded by 64 rows.
            int length = checked((int)actual.ByteLength);
            Assert.Equal(expected.ByteLength - (expected.Shape[0] == 576 ? 64 * 64 * 2 : 0), length);
            Assert.True(Bytes(expected, length).SequenceEqual(Bytes(actual, length)), name);
            compared++;
        }
        Assert.Equal(105, compared);
    }

    [Fact]
    public void Every_golden_file_reads()
    {
        string[] files = Directory.GetFiles(Fixtures.Path("llava"), "golden.safetensors", SearchOption.AllDirectories);
        Assert.Equal(4, files.Length);
        foreach (string path in files)
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.Empty(file.Unreadable);
            WeightFileBytes.ReadAll(file);
        }
    }

    [Fact]
    public void A_missing_tensor_is_named_with_its_folder()
    {
        string folder = Fixtures.Path("llava", "hf-mha");
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        Assert.False(checkpoint.TryGet("no.such.weight", out _));
        WeightFileException error = Assert.Throws<WeightFileException>(() => checkpoint.Get("no.such.weight"));
        Assert.Equal(folder, error.File);
        Assert.Contains("'no.such.weight'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_are_chosen_in_the_documented_order()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("no weights", Problem(folder.Root), StringComparison.Ordinal);
        byte[] torch = WeightFileBytes.Torch(PickleWriter.One("FloatStorage", 1, 0, [1], [1]), [1, 2, 3, 4]);
        folder.Write("training_args.bin", [1]);
        folder.Write("pytorch_model-00001-of-00001.bin", torch);
        Assert.Equal("pytorch_model-00001-of-00001.bin", Holder("a"));
        folder.Write("pytorch_model.bin", torch);
        Assert.Equal("pytorch_model.bin", Holder("a"));
        folder.Write("pytorch_model-00001-of-00001.bin.old", torch);
        folder.Write("pytorch_model.bin.index.json", """{"weight_map":{"a":"pytorch_model-00001-of-00001.bin"}}""");
        Assert.Equal("pytorch_model-00001-of-00001.bin", Holder("a"));
        folder.Write("b.safetensors", WeightFileBytes.OneNumber("a"));
        folder.Write("c.safetensors", WeightFileBytes.OneNumber("c"));
        Assert.Equal("b.safetensors", Holder("a"));
        Assert.Equal("c.safetensors", Holder("c"));
        folder.Write("d.safetensors", WeightFileBytes.OneNumber("c"));
        Assert.Contains("holds tensor 'c', which", Problem(folder.Root), StringComparison.Ordinal);
        folder.Write("model.safetensors", WeightFileBytes.OneNumber("a"));
        Assert.Equal("model.safetensors", Holder("a"));
        folder.Write("model.safetensors.index.json", """{"metadata":{},"weight_map":{"c":"d.safetensors","a":"b.safetensors"}}""");
        Assert.Equal("b.safetensors", Holder("a"));
        Assert.Equal("d.safetensors", Holder("c"));

        string Holder(string tensor)
        {
            using Checkpoint checkpoint = Checkpoint.Open(folder.Root);
            return Path.GetFileName(checkpoint.Get(tensor).File);
        }
    }

    [Fact]
    public void The_index_decides_between_shards_that_hold_a_tensor_twice()
    {
        using TemporaryFolder folder = new();
        const string Both =
            """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""";
        folder.Write("1.safetensors", WeightFileBytes.Safetensors(Both, 8));
        folder.Write("2.safetensors", WeightFileBytes.Safetensors(Both, 8));
        folder.Write("model.safetensors.index.json", """{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}""");
        using Checkpoint checkpoint = Checkpoint.Open(folder.Root);
        Assert.EndsWith("1.safetensors", checkpoint.Get("a").File, StringComparison.Ordinal);
        Assert.EndsWith("2.safetensors", checkpoint.Get("b").File, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../x.safetensors"}}""", "'a' in ../x.safetensors; the plain name")]
    [InlineData("""{"weight_map":{"a":".."}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"/etc/x.safetensors"}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"..\\x.safetensors"}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"C:x.safetensors"}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"x\u0000.safetensors"}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":""}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"config.json"}}""", "plain name of a .safetensors file")]
    [InlineData("""{"weight_map":{"a":1}}""", "plain name")]
    [InlineData("""{"weight_map":{"a":"gone.safetensors"}}""", "names the shard 'gone.safetensors'")]
    [InlineData("""{"weight_map":{"b":"x.safetensors"}}""", "places tensor 'b' in 'x.safetensors', which lacks it")]
    [InlineData("""{"weight_map":{"a":"x.safetensors","a":"x.safetensors"}}""", "malformed JSON")]
    [InlineData("""{"weight_map":{"\ud800":"x.safetensors"}}""", "malformed JSON")]
    [InlineData("""{"weight_map":[]}""", "no weight_map")]
    [InlineData("{}", "no weight_map")]
    [InlineData("[]", "no weight_map")]
    [InlineData("{", "malformed JSON")]
    [InlineData("", "is empty")]
    public void A_wrong_index_is_refused_for_what_is_wrong(string index, string problem)
    {
        using TemporaryFolder folder = new();
        folder.Write("x.safetensors", WeightFileBytes.OneNumber("a"));
        string path = folder.Write("model.safetensors.index.json", index);
        WeightFileException error = Assert.Throws<WeightFileException>(() => Checkpoint.Open(folder.Root));
        Assert.Equal(path, error.File);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_file_opens_by_its_extension()
    {
        using TemporaryFolder folder = new();
        using (Checkpoint one = Checkpoint.OpenFile(folder.Write("x.safetensors", WeightFileBytes.OneNumber("a"))))
            Assert.Equal([1L], one.Get("a").Shape);
        WeightFileException error = Assert.Throws<WeightFileException>(() => Checkpoint.OpenFile(folder.Write("x.onnx", [1])));
        Assert.Contains("no known kind", error.Message, StringComparison.Ordinal);
        string inner = Directory.CreateDirectory(Path.Combine(folder.Root, "y.bin")).FullName;
        error = Assert.Throws<WeightFileException>(() => Checkpoint.OpenFile(inner));
        Assert.Contains("is a folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("is a file", Problem(folder.Write("z", [1])), StringComparison.Ordinal);
        Assert.Contains("does not exist", Problem(Path.Combine(folder.Root, "none")), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_into_a_download_cache_are_followed()
    {
        using TemporaryFolder folder = new();
        string blob = folder.Write("blob", WeightFileBytes.OneNumber("a"));
        string snapshot = Directory.CreateDirectory(Path.Combine(folder.Root, "snapshot")).FullName;
        try
        {
            File.CreateSymbolicLink(Path.Combine(snapshot, "model.safetensors"), blob);
        }
        catch (IOException) when (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows lets only some users make links.");
        }
        using Checkpoint checkpoint = Checkpoint.Open(snapshot);
        Assert.Single(checkpoint.Get("a").ToFloats());
    }

    [Fact]
    public void Prefetch_reports_its_progress_and_can_be_stopped()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixtures.Path("llava", "hf-gqa-sharded"));
        Assert.Equal(552776 + 167680, checkpoint.TotalBytes);
        List<(long Done, long Total)> reports = [];
        checkpoint.Prefetch(new Recorder(reports.Add), TestContext.Current.CancellationToken);
        Assert.Equal([(552776, checkpoint.TotalBytes), (checkpoint.TotalBytes, checkpoint.TotalBytes)], reports);

        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => checkpoint.Prefetch(cancellationToken: source.Token));
    }

    [Fact]
    public void Prefetch_of_a_file_that_was_shortened_is_an_error()
    {
        if (!OperatingSystem.IsLinux() || Environment.OSVersion.Version < new Version(5, 14))
            Assert.Skip("Only Linux 5.14 and later report this instead of ending the process.");
        using TemporaryFolder folder = new();
        const string Header = """{"a":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}}""";
        string path = folder.Write("a.safetensors", WeightFileBytes.Safetensors(Header, 100000));
        using Checkpoint checkpoint = Checkpoint.OpenFile(path);
        using (FileStream stream = File.OpenWrite(path))
            stream.SetLength(10);
        WeightFileException error = Assert.Throws<WeightFileException>(
            () => checkpoint.Prefetch(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(path, error.File);
    }

    [Fact]
    public void Closing_gives_the_mapping_back()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.safetensors", WeightFileBytes.OneNumber("a"));
        Checkpoint checkpoint = Checkpoint.Open(folder.Root);
        StoredTensor tensor = checkpoint.Get("a");
        Assert.NotEqual(0, tensor.Data);
        AssertMapped(true);
        checkpoint.Dispose();
        checkpoint.Dispose();
        AssertMapped(false);
        Assert.Throws<ObjectDisposedException>(() => tensor.Data);
        Assert.Throws<ObjectDisposedException>(() => tensor.ToFloats());
        File.Delete(path);

        // A file that is refused is closed too, and so are the shards that were open already.
        folder.Write("a.safetensors", WeightFileBytes.OneNumber("a"));
        folder.Write("b.safetensors", [1, 2, 3]);
        Assert.Throws<WeightFileException>(() => Checkpoint.Open(folder.Root));
        AssertMapped(false);

        void AssertMapped(bool expected)
        {
            if (OperatingSystem.IsLinux())
                Assert.Equal(expected, File.ReadAllText("/proc/self/maps").Contains(folder.Root, StringComparison.Ordinal));
        }
    }

    private static string Problem(string folder) => Assert.Throws<WeightFileException>(() => Checkpoint.Open(folder)).Message;

    private static ReadOnlySpan<byte> Bytes(StoredTensor tensor, int length) => new((void*)tensor.Data, length);

    private static void AssertHolds(
        Checkpoint checkpoint, ElementType type, params IEnumerable<(string Name, long[] Shape)>[] parts)
    {
        (string Name, long[] Shape)[] expected = [.. parts.SelectMany(part => part)];
        foreach ((string name, long[] shape) in expected)
        {
            StoredTensor tensor = checkpoint.Get(name);
            Assert.Equal(name, tensor.Name);
            Assert.Equal(type, tensor.Type);
            Assert.Equal(shape, tensor.Shape);
            Assert.Equal(shape.Aggregate(1L, (product, size) => product * size) * type.Size(), tensor.ByteLength);
        }
        Assert.Equal(expected.Length, checkpoint.Tensors.Values.Count(tensor => tensor.Type == type));
    }

    private static IEnumerable<(string Name, long[] Shape)> Llm(
        string prefix, string head, int layers, long hidden, long keys, long queries, long inner, long vocabulary)
    {
        yield return (head + ".weight", [vocabulary, hidden]);
        yield return (prefix + "embed_tokens.weight", [vocabulary, hidden]);
        yield return (prefix + "norm.weight", [hidden]);
        for (int layer = 0; layer < layers; layer++)
        {
            string at = $"{prefix}layers.{layer}.";
            yield return (at + "input_layernorm.weight", [hidden]);
            yield return (at + "post_attention_layernorm.weight", [hidden]);
            yield return (at + "self_attn.q_proj.weight", [queries, hidden]);
            yield return (at + "self_attn.k_proj.weight", [keys, hidden]);
            yield return (at + "self_attn.v_proj.weight", [keys, hidden]);
            yield return (at + "self_attn.o_proj.weight", [hidden, queries]);
            yield return (at + "mlp.gate_proj.weight", [inner, hidden]);
            yield return (at + "mlp.up_proj.weight", [inner, hidden]);
            yield return (at + "mlp.down_proj.weight", [hidden, inner]);
        }
    }

    private static IEnumerable<(string Name, long[] Shape)> Projector(string first, string second, long tower, long hidden) =>
    [
        (first + ".weight", [hidden, tower]),
        (first + ".bias", [hidden]),
        (second + ".weight", [hidden, hidden]),
        (second + ".bias", [hidden]),
    ];

    private static IEnumerable<(string Name, long[] Shape)> Tower(string prefix, int layers, long hidden, long inner, long positions)
    {
        yield return (prefix + "embeddings.class_embedding", [hidden]);
        yield return (prefix + "embeddings.patch_embedding.weight", [hidden, 3, 14, 14]);
        yield return (prefix + "embeddings.position_embedding.weight", [positions, hidden]);
        foreach ((string name, long[] shape) in Affine(prefix, ("pre_layrnorm", [hidden]), ("post_layernorm", [hidden])))
            yield return (name, shape);
        for (int layer = 0; layer < layers; layer++)
        {
            foreach ((string name, long[] shape) in Affine(
                $"{prefix}encoder.layers.{layer}.",
                ("layer_norm1", [hidden]), ("layer_norm2", [hidden]),
                ("self_attn.q_proj", [hidden, hidden]), ("self_attn.k_proj", [hidden, hidden]),
                ("self_attn.v_proj", [hidden, hidden]), ("self_attn.out_proj", [hidden, hidden]),
                ("mlp.fc1", [inner, hidden]), ("mlp.fc2", [hidden, inner])))
            {
                yield return (name, shape);
            }
        }
    }

    private static IEnumerable<(string Name, long[] Shape)> Affine(string prefix, params (string Name, long[] Weight)[] modules) =>
        modules.SelectMany(module => new[]
        {
            (prefix + module.Name + ".weight", module.Weight),
            (prefix + module.Name + ".bias", new[] { module.Weight[0] }),
        });

    private sealed class Recorder(Action<(long Done, long Total)> record) : IProgress<(long Done, long Total)>
    {
        public void Report((long Done, long Total) value) => record(value);
    }
}
