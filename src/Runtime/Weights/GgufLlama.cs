namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// A LLaMA language model as a GGUF file has it (architecture <c>llama</c>), every hyper-parameter checked against the others and
/// against the tensors. The rows of Q and K are ordered for rotary embedding of neighbouring pairs (2i, 2i + 1), not of halves as
/// in Hugging Face checkpoints; their <see cref="StoredTensor.PairedHeadDim"/> says so.
/// </summary>
public sealed class GgufLlama
{
    private GgufLlama(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        RequireArchitecture(metadata, "llama");
        if (metadata.FindInteger("split.count") > 1)
            throw metadata.Error("split.count", "says that the model is split over several files; join them first (gguf-split --merge)");

        ContextLength = metadata.GetInteger("llama.context_length", smallest: 1);
        Width = metadata.GetInteger("llama.embedding_length", smallest: 1);
        FeedForwardWidth = metadata.GetInteger("llama.feed_forward_length", smallest: 1);
        int blockCount = metadata.GetInteger("llama.block_count", smallest: 1);
        HeadCount = metadata.GetInteger("llama.attention.head_count", smallest: 1);
        KvHeadCount = metadata.FindInteger("llama.attention.head_count_kv", smallest: 1) ?? HeadCount;
        if (HeadCount % KvHeadCount != 0)
            throw metadata.Error("llama.attention.head_count_kv", $"is {KvHeadCount}; a divisor of the {HeadCount} heads was expected");
        HeadSize = ReadHeadSize(metadata);
        NormEpsilon = metadata.GetFloat("llama.attention.layer_norm_rms_epsilon");
        if (NormEpsilon <= 0)
            throw metadata.Error("llama.attention.layer_norm_rms_epsilon", $"is {NormEpsilon}; a positive number was expected");
        RopeBase = ReadRopeBase(metadata);

        Vocabulary = GgufVocabulary.Read(file);
        GgufTensors tensors = new(file);
        TokenEmbedding = tensors.Weights("token_embd.weight", Vocabulary.Pieces.Count, Width);
        OutputNorm = tensors.Vector("output_norm.weight", Width);
        Output = tensors.Contains("output.weight")
            ? tensors.Weights("output.weight", Vocabulary.Pieces.Count, Width)
            : TokenEmbedding;
        List<LlamaBlock> blocks = [];
        for (int block = 0; block < blockCount; block++)
            blocks.Add(ReadBlock(tensors, $"blk.{block}."));
        Blocks = blocks;
        tensors.RequireAllTaken($"a LLaMA model of {blockCount} blocks");
    }

    /// <summary>Positions that it was trained for.</summary>
    public int ContextLength { get; }

    /// <summary>Width of the residual stream (hidden size).</summary>
    public int Width { get; }

    /// <summary>Width inside the feed-forward network.</summary>
    public int FeedForwardWidth { get; }

    /// <summary>Query heads.</summary>
    public int HeadCount { get; }

    /// <summary>Key and value heads, a divisor of <see cref="HeadCount"/>.</summary>
    public int KvHeadCount { get; }

    /// <summary>Width of a head.</summary>
    public int HeadSize { get; }

    /// <summary>ε of the RMS norms.</summary>
    public float NormEpsilon { get; }

    /// <summary>θ of the rotary embedding.</summary>
    public float RopeBase { get; }

    /// <summary>The vocabulary.</summary>
    public GgufVocabulary Vocabulary { get; }

    /// <summary>Token embeddings [vocabulary, width].</summary>
    public StoredTensor TokenEmbedding { get; }

    /// <summary>The last norm [width].</summary>
    public StoredTensor OutputNorm { get; }

    /// <summary>The LM head [vocabulary, width]; <see cref="TokenEmbedding"/> itself where the file has none of its own.</summary>
    public StoredTensor Output { get; }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<LlamaBlock> Blocks { get; }

    /// <summary>Reads and checks the model.</summary>
    /// <exception cref="WeightFileException">The file holds no LLaMA model, or one that contradicts itself.</exception>
    public static GgufLlama Read(GgufFile file) => new(file);

    internal static void RequireArchitecture(GgufMetadata metadata, string expected)
    {
        string architecture = metadata.GetString("general.architecture");
        if (architecture != expected)
            throw metadata.Error("general.architecture", $"is '{architecture}'; '{expected}' was expected");
    }

    private int ReadHeadSize(GgufMetadata metadata)
    {
        int? stated = metadata.FindInteger("llama.attention.key_length", smallest: 1);
        if (stated is null && Width % HeadCount != 0)
            throw metadata.Error("llama.attention.head_count", $"is {HeadCount}; a divisor of the width {Width} was expected");
        int size = stated ?? Width / HeadCount;
        if (size % 2 != 0)
            throw metadata.Error("llama.attention.head_count", $"makes heads of {size}; rotary embedding needs an even size");
        RequireHeadSize("llama.attention.value_length");
        RequireHeadSize("llama.rope.dimension_count");
        return size;

        void RequireHeadSize(string key)
        {
            if (metadata.FindInteger(key) is { } other && other != size)
                throw metadata.Error(key, $"is {other}; the head size {size} was expected");
        }
    }

    private static float ReadRopeBase(GgufMetadata metadata)
    {
        if (metadata.FindString("llama.rope.scaling.type") is { } scaling and not "none")
            throw metadata.Error("llama.rope.scaling.type", $"is '{scaling}', which is not supported");
        if (metadata.FindFloat("llama.rope.scale_linear") is { } scale and not 1)
            throw metadata.Error("llama.rope.scale_linear", $"is {scale}; only 1 is supported");
        float frequencyBase = metadata.FindFloat("llama.rope.freq_base") ?? 10000;
        return frequencyBase > 0
            ? frequencyBase
            : throw metadata.Error("llama.rope.freq_base", $"is {frequencyBase}; a positive number was expected");
    }

    private LlamaBlock ReadBlock(GgufTensors tensors, string prefix)
    {
        long queryWidth = (long)HeadCount * HeadSize;
        long kvWidth = (long)KvHeadCount * HeadSize;
        return new LlamaBlock(
            AttentionNorm: tensors.Vector(prefix + "attn_norm.weight", Width),
            Query: tensors.Weights(prefix + "attn_q.weight", queryWidth, Width).WithPairedRows(HeadSize),
            Key: tensors.Weights(prefix + "attn_k.weight", kvWidth, Width).WithPairedRows(HeadSize),
            Value: tensors.Weights(prefix + "attn_v.weight", kvWidth, Width),
            AttentionOutput: tensors.Weights(prefix + "attn_output.weight", Width, queryWidth),
            FeedForwardNorm: tensors.Vector(prefix + "ffn_norm.weight", Width),
            Gate: tensors.Weights(prefix + "ffn_gate.weight", FeedForwardWidth, Width),
            Up: tensors.Weights(prefix + "ffn_up.weight", FeedForwardWidth, Width),
            Down: tensors.Weights(prefix + "ffn_down.weight", Width, FeedForwardWidth));
    }
}
