namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// The picture side of LLaVA-1.5 as a GGUF "mmproj" file has it (architecture <c>clip</c>): a CLIP tower whose patch features
/// come from the output of its last needed block, and an MLP projector into the language model. Every hyper-parameter is checked
/// against the others and against the tensors.
/// </summary>
public sealed class GgufClip
{
    private readonly string _path;

    private GgufClip(GgufFile file)
    {
        _path = file.Path;
        GgufMetadata metadata = file.Metadata;
        GgufLlama.RequireArchitecture(metadata, "clip");
        RequireSupported(metadata);
        ImageSize = metadata.GetInteger("clip.vision.image_size", smallest: 1);
        PatchSize = metadata.GetInteger("clip.vision.patch_size", smallest: 1);
        if (ImageSize % PatchSize != 0)
            throw metadata.Error("clip.vision.patch_size", $"is {PatchSize}; a divisor of the image size {ImageSize} was expected");
        Width = metadata.GetInteger("clip.vision.embedding_length", smallest: 1);
        FeedForwardWidth = metadata.GetInteger("clip.vision.feed_forward_length", smallest: 1);
        HeadCount = metadata.GetInteger("clip.vision.attention.head_count", smallest: 1);
        if (Width % HeadCount != 0)
            throw metadata.Error("clip.vision.attention.head_count", $"is {HeadCount}; a divisor of the width {Width} was expected");
        NormEpsilon = metadata.GetFloat("clip.vision.attention.layer_norm_epsilon");
        if (NormEpsilon <= 0)
            throw metadata.Error("clip.vision.attention.layer_norm_epsilon", $"is {NormEpsilon}; a positive number was expected");
        ImageMean = ReadChannels(metadata, "clip.vision.image_mean");
        ImageStd = ReadChannels(metadata, "clip.vision.image_std");
        if (ImageStd.Any(deviation => deviation <= 0))
            throw metadata.Error("clip.vision.image_std", "is not positive");

        GgufTensors tensors = new(file);
        int storedBlocks = metadata.GetInteger("clip.vision.block_count", smallest: 1);
        int neededBlocks = CountNeededBlocks(metadata, tensors, storedBlocks);
        ClassEmbedding = tensors.Vector("v.class_embd", Width);
        PatchEmbedding = tensors.Weights("v.patch_embd.weight", Width, 3, PatchSize, PatchSize);
        PositionEmbedding = tensors.Weights("v.position_embd.weight", (long)(ImageSize / PatchSize) * (ImageSize / PatchSize) + 1, Width);
        PreNorm = ReadAffine(tensors, "v.pre_ln");
        List<ClipBlock> blocks = [];
        for (int block = 0; block < storedBlocks; block++)
            blocks.Add(ReadBlock(tensors, $"v.blk.{block}."));
        Blocks = blocks[..neededBlocks];
        TextWidth = tensors.Rows("mm.2.weight");
        Projector1 = ReadLinear(tensors, "mm.0", TextWidth, Width);
        Projector2 = ReadLinear(tensors, "mm.2", TextWidth, TextWidth);
        tensors.Ignore("v.post_ln.weight");
        tensors.Ignore("v.post_ln.bias");
        tensors.RequireAllTaken($"a CLIP tower of {storedBlocks} blocks with an MLP projector");
    }

    /// <summary>Side of the square picture in pixels.</summary>
    public int ImageSize { get; }

    /// <summary>Side of a patch in pixels, a divisor of <see cref="ImageSize"/>.</summary>
    public int PatchSize { get; }

    /// <summary>Width of the tower.</summary>
    public int Width { get; }

    /// <summary>Width inside the tower's feed-forward networks.</summary>
    public int FeedForwardWidth { get; }

    /// <summary>Attention heads, a divisor of <see cref="Width"/>.</summary>
    public int HeadCount { get; }

    /// <summary>ε of the layer norms.</summary>
    public float NormEpsilon { get; }

    /// <summary>Mean that is taken from each channel (red, green, blue) of samples in 0…1.</summary>
    public IReadOnlyList<float> ImageMean { get; }

    /// <summary>What each channel is divided by after that.</summary>
    public IReadOnlyList<float> ImageStd { get; }

    /// <summary>Whether the tower's activation is GELU; else it is quick GELU, x σ(1.702 x), as in CLIP.</summary>
    public bool UsesGelu { get; private set; }

    /// <summary>Width of the language model that the projector leads into.</summary>
    public long TextWidth { get; }

    /// <summary>The class token [width].</summary>
    public StoredTensor ClassEmbedding { get; }

    /// <summary>The patch embedding [width, 3, patch, patch].</summary>
    public StoredTensor PatchEmbedding { get; }

    /// <summary>Position embeddings [1 + patches, width]; row 0 is the class token's.</summary>
    public StoredTensor PositionEmbedding { get; }

    /// <summary>The layer norm before the first block.</summary>
    public AffineTensors PreNorm { get; }

    /// <summary>The blocks to run, first to last; the features are the patches' outputs of the last one.</summary>
    public IReadOnlyList<ClipBlock> Blocks { get; }

    /// <summary>The projector's first layer [text width, width]; an exact (erf) GELU follows.</summary>
    public AffineTensors Projector1 { get; }

    /// <summary>The projector's second layer [text width, text width].</summary>
    public AffineTensors Projector2 { get; }

    /// <summary>Reads and checks the tower and the projector.</summary>
    /// <exception cref="WeightFileException">The file holds something else, or contradicts itself.</exception>
    public static GgufClip Read(GgufFile file) => new(file);

    /// <summary>Checks that the projector leads into this language model.</summary>
    /// <exception cref="WeightFileException">The widths differ.</exception>
    public void RequireMatch(GgufLlama languageModel)
    {
        if (TextWidth != languageModel.Width)
        {
            throw new WeightFileException(
                _path, $"tensor 'mm.2.weight' gives {TextWidth} numbers a patch; the language model takes {languageModel.Width}");
        }
    }

    private void RequireSupported(GgufMetadata metadata)
    {
        foreach (string key in (string[])["clip.has_vision_encoder", "clip.has_llava_projector"])
        {
            if (metadata.FindBoolean(key) == false)
                throw metadata.Error(key, "is false; a tower with a LLaVA projector was expected");
        }
        foreach (string key in (string[])["clip.projector_type", "clip.vision.projector_type"])
        {
            if (metadata.FindString(key) is { } type and not "mlp")
                throw metadata.Error(key, $"is '{type}'; 'mlp' was expected");
        }
        if (metadata.FindBoolean("clip.use_silu") == true)
            throw metadata.Error("clip.use_silu", "is true, which is not supported");
        UsesGelu = metadata.FindBoolean("clip.use_gelu") ?? false;
    }

    private static IReadOnlyList<float> ReadChannels(GgufMetadata metadata, string key)
    {
        IReadOnlyList<float> channels = metadata.GetArray<float>(key);
        return channels.Count == 3 && channels.All(float.IsFinite)
            ? channels
            : throw metadata.Error(key, $"is [{string.Join(", ", channels)}]; three finite numbers were expected");
    }

    // LLaVA-1.5 takes the features before the tower's last block. Converters usually leave that block and the norm behind it out,
    // so all stored blocks run; a file that has the norm has the whole tower.
    private static int CountNeededBlocks(GgufMetadata metadata, GgufTensors tensors, int storedBlocks)
    {
        const string Key = "clip.vision.feature_layer";
        if (metadata.FindArray<int>(Key) is not { } layers)
            return tensors.Contains("v.post_ln.weight") && storedBlocks > 1 ? storedBlocks - 1 : storedBlocks;
        int needed = layers is [var layer] ? layer < 0 ? storedBlocks + 1 + layer : layer : 0;
        return needed >= 1 && needed <= storedBlocks
            ? needed
            : throw metadata.Error(Key, $"is [{string.Join(", ", layers)}]; one layer of {storedBlocks} was expected");
    }

    private static AffineTensors ReadAffine(GgufTensors tensors, string name, long length) =>
        new(tensors.Vector(name + ".weight", length), tensors.Vector(name + ".bias", length));

    private AffineTensors ReadAffine(GgufTensors tensors, string name) => ReadAffine(tensors, name, Width);

    private static AffineTensors ReadLinear(GgufTensors tensors, string name, long outputs, long inputs) =>
        new(tensors.Weights(name + ".weight", outputs, inputs), tensors.Vector(name + ".bias", outputs));

    private ClipBlock ReadBlock(GgufTensors tensors, string prefix)
    {
        // LLaVA's converter calls the first layer ffn_down and the second ffn_up, others the opposite; the bias tells by its length.
        bool downIsFirst = tensors.Rows(prefix + "ffn_down.bias") == FeedForwardWidth;
        return new ClipBlock(
            AttentionNorm: ReadAffine(tensors, prefix + "ln1"),
            Query: ReadLinear(tensors, prefix + "attn_q", Width, Width),
            Key: ReadLinear(tensors, prefix + "attn_k", Width, Width),
            Value: ReadLinear(tensors, prefix + "attn_v", Width, Width),
            AttentionOutput: ReadLinear(tensors, prefix + "attn_out", Width, Width),
            FeedForwardNorm: ReadAffine(tensors, prefix + "ln2"),
            FeedForward1: ReadLinear(tensors, prefix + (downIsFirst ? "ffn_down" : "ffn_up"), FeedForwardWidth, Width),
            FeedForward2: ReadLinear(tensors, prefix + (downIsFirst ? "ffn_up" : "ffn_down"), Width, FeedForwardWidth));
    }
}
