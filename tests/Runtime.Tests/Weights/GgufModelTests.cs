using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Weights;

public sealed unsafe class GgufModelTests : IDisposable
{
    private readonly string _changed = Path.GetTempFileName();

    public void Dispose() => File.Delete(_changed);

    [Theory]
    [InlineData("llama-f16", 2, 4, 2, 10000f, 1e-5f, 32)]
    [InlineData("llama-q8_0-mha-tied", 1, 4, 4, 10000f, 1e-5f, 64)]
    [InlineData("llama-q4_0", 2, 4, 2, 10000f, 1e-5f, 32)]
    [InlineData("llama-q4_k_m", 2, 4, 2, 10000f, 1e-5f, 32)]
    [InlineData("llama-kmix", 2, 4, 2, 1e6f, 1e-6f, 32)]
    public void Language_models_are_read(string name, int blocks, int heads, int kvHeads, float ropeBase, float epsilon, int alignment)
    {
        using GgufFile file = GgufFile.Open(Fixtures.Path("gguf", name + ".gguf"));
        GgufLlama model = GgufLlama.Read(file);
        Assert.Equal((alignment, 256, 512), (file.Alignment, model.Width, model.FeedForwardWidth));
        Assert.Equal((blocks, heads, kvHeads, 64), (model.Blocks.Count, model.HeadCount, model.KvHeadCount, model.HeadSize));
        Assert.Equal((ropeBase, epsilon), (model.RopeBase, model.NormEpsilon));
        Assert.Equal([512L, 256], model.TokenEmbedding.Shape);
        Assert.Equal(name == "llama-q8_0-mha-tied", ReferenceEquals(model.Output, model.TokenEmbedding));
        Assert.All(file.Tensors.Values, tensor => Assert.Equal(0, (tensor.Data - model.TokenEmbedding.Data) % alignment));
        Assert.All(model.OutputNorm.ToFloats(), weight => Assert.InRange(weight, 0.1f, 10f));
        Assert.All(model.Blocks[^1].Down.ToFloats(), weight => Assert.InRange(weight, -10f, 10f));

        GgufVocabulary vocabulary = model.Vocabulary;
        Assert.Equal((512, 1, 2, 0, true, false), (
            vocabulary.Pieces.Count, vocabulary.BeginId, vocabulary.EndId, vocabulary.UnknownId, vocabulary.AddsBegin, vocabulary.AddsEnd));
        Assert.Equal(["<unk>", "<s>", "</s>", "<0x00>"], vocabulary.Pieces.Take(4));
        Assert.Equal(
            [GgufTokenType.Unknown, GgufTokenType.Control, GgufTokenType.Control, GgufTokenType.Byte], vocabulary.Types.Take(4));
    }

    [Fact]
    public void The_picture_side_is_read_with_its_feed_forward_layers_in_order()
    {
        using GgufFile file = GgufFile.Open(Fixtures.Path("gguf", "mmproj-f16.gguf"));
        GgufClip clip = GgufClip.Read(file);
        Assert.Equal((56, 14, 64, 256, 4, 256L, false), (
            clip.ImageSize, clip.PatchSize, clip.Width, clip.FeedForwardWidth, clip.HeadCount, clip.TextWidth, clip.UsesGelu));
        Assert.Equal(3, clip.Blocks.Count);
        Assert.Equal("v.blk.0.ffn_down.weight", clip.Blocks[0].FeedForward1.Weight.Name);
        Assert.Equal([64L, 256], clip.Blocks[0].FeedForward2.Weight.Shape);
        Assert.Equal([64L, 3, 14, 14], clip.PatchEmbedding.Shape);
        using GgufFile languageFile = GgufFile.Open(Fixtures.Path("gguf", "llama-f16.gguf"));
        clip.RequireMatch(GgufLlama.Read(languageFile));
    }

    [Fact]
    public void Feed_forward_layers_are_told_by_shape_whatever_they_are_called()
    {
        using GgufFile file = Change("mmproj-f16", rename: name =>
            name.Contains("ffn_down") ? name.Replace("ffn_down", "ffn_up") : name.Replace("ffn_up", "ffn_down"));
        GgufClip clip = GgufClip.Read(file);
        Assert.Equal("v.blk.0.ffn_up.weight", clip.Blocks[0].FeedForward1.Weight.Name);
        Assert.Equal([256L, 64], clip.Blocks[0].FeedForward1.Weight.Shape);
    }

    [Fact]
    public void Of_a_whole_tower_the_last_block_is_left_out()
    {
        // A whole tower has a norm behind its last block; any norm of the fixture serves.
        using GgufFile file = Change("mmproj-f16", repeat: name => name == "v.pre_ln.weight" ? "v.post_ln.weight" : null);
        Assert.Equal(2, GgufClip.Read(file).Blocks.Count);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(-2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, null)]
    [InlineData(0, null)]
    [InlineData(-4, null)]
    public void A_feature_layer_says_how_many_blocks_run(int layer, int? blocks)
    {
        using GgufFile file = Change("mmproj-f16", metadata: ("clip.vision.feature_layer", new[] { layer }));
        if (blocks is null)
            Assert.Contains("feature_layer", Assert.Throws<WeightFileException>(() => GgufClip.Read(file)).Message);
        else
            Assert.Equal(blocks, GgufClip.Read(file).Blocks.Count);
    }

    [Theory]
    [InlineData("llama.rope.scaling.type", "yarn")]
    [InlineData("llama.rope.scale_linear", 4f)]
    [InlineData("llama.attention.value_length", 32u)]
    [InlineData("split.count", (ushort)3)]
    public void A_model_that_computes_otherwise_is_refused(string key, object value)
    {
        using GgufFile file = Change("llama-f16", metadata: (key, value));
        Assert.Contains($"'{key}'", Assert.Throws<WeightFileException>(() => GgufLlama.Read(file)).Message);
    }

    [Fact]
    public void A_tensor_that_no_llama_has_is_refused()
    {
        using GgufFile file = Change("llama-f16", repeat: name => name == "blk.1.ffn_norm.weight" ? "blk.1.post_ffw_norm.weight" : null);
        string message = Assert.Throws<WeightFileException>(() => GgufLlama.Read(file)).Message;
        Assert.Contains("'blk.1.post_ffw_norm.weight' is no part of", message);
    }

    private GgufFile Change(
        string name,
        Func<string, string>? rename = null,
        Func<string, string?>? repeat = null,
        (string Key, object Value)? metadata = null)
    {
        using GgufFile file = GgufFile.Open(Fixtures.Path("gguf", name + ".gguf"));
        GgufWriter writer = new();
        foreach ((string key, object value) in file.Metadata.Values)
            writer.AddMetadata(key, value);
        if (metadata is { } added)
            writer.AddMetadata(added.Key, added.Value);
        foreach (StoredTensor tensor in file.Tensors.Values)
        {
            Add(rename?.Invoke(tensor.Name) ?? tensor.Name);
            if (repeat?.Invoke(tensor.Name) is { } copy)
                Add(copy);

            void Add(string newName) => writer.AddTensor(newName, tensor.Type, tensor.Shape, stream =>
                stream.Write(new ReadOnlySpan<byte>((void*)tensor.Data, (int)tensor.ByteLength)));
        }
        using (FileStream stream = File.Create(_changed))
            writer.Write(stream);
        return GgufFile.Open(_changed);
    }
}
