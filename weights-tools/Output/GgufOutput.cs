using ChainOfSpot.Kernels;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>The two GGUF files of a LLaVA model: the language model with its vocabulary, and "mmproj", tower and projector.</summary>
internal static class GgufOutput
{
    private const string Architecture = "general.architecture";
    private const uint QuantizationVersion = 2;
    private const uint F16FileType = 1;

    /// <summary>The tensors of the mmproj file: those that are run, so without the tower's last layer.</summary>
    public static IEnumerable<LlavaTensor> ProjectorTensors(VisionConfig config, int textWidth) =>
        LlavaLayout.OfTower(config).Concat(LlavaLayout.OfProjector(config, textWidth)).Where(tensor => tensor.IsUsed);

    /// <summary>How a tensor of the mmproj file is stored.</summary>
    public static ElementType ProjectorType(LlavaTensor tensor) => tensor.IsMatrix ? ElementType.F16 : ElementType.F32;

    /// <summary>Writes the language model.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="name">Its name, for people.</param>
    /// <param name="config">Its shape.</param>
    /// <param name="vocabulary">One piece a row of the embedding.</param>
    /// <param name="mix">How its tensors are stored.</param>
    /// <param name="tensors">Its tensors, under their GGUF names and in GGUF's row order.</param>
    /// <param name="progress">Told the bytes written.</param>
    /// <param name="cancellation">Stops it.</param>
    public static void WriteLanguageModel(
        Stream stream,
        string name,
        TextConfig config,
        Vocabulary vocabulary,
        QuantizationMix mix,
        IEnumerable<OutputTensor> tensors,
        IProgress<long>? progress,
        CancellationToken cancellation)
    {
        var writer = new GgufWriter();
        writer.AddMetadata(Architecture, "llama");
        writer.AddMetadata("general.name", name);
        writer.AddMetadata("general.file_type", mix.FileType);
        writer.AddMetadata("general.quantization_version", QuantizationVersion);
        writer.AddMetadata("llama.context_length", (uint)config.MaxPositions);
        writer.AddMetadata("llama.embedding_length", (uint)config.HiddenSize);
        writer.AddMetadata("llama.block_count", (uint)config.Layers);
        writer.AddMetadata("llama.feed_forward_length", (uint)config.IntermediateSize);
        writer.AddMetadata("llama.attention.head_count", (uint)config.Heads);
        writer.AddMetadata("llama.attention.head_count_kv", (uint)config.KvHeads);
        if (config.HeadDim * config.Heads != config.HiddenSize)
        {
            writer.AddMetadata("llama.attention.key_length", (uint)config.HeadDim);
            writer.AddMetadata("llama.attention.value_length", (uint)config.HeadDim);
        }
        writer.AddMetadata("llama.attention.layer_norm_rms_epsilon", config.NormEpsilon);
        writer.AddMetadata("llama.rope.dimension_count", (uint)config.HeadDim);
        writer.AddMetadata("llama.rope.freq_base", config.RopeTheta);
        writer.AddMetadata("llama.vocab_size", (uint)config.VocabularySize);
        writer.AddMetadata("tokenizer.ggml.model", "llama");
        writer.AddMetadata("tokenizer.ggml.pre", "default");
        writer.AddMetadata("tokenizer.ggml.tokens", vocabulary.Pieces.ToArray());
        writer.AddMetadata("tokenizer.ggml.scores", vocabulary.Scores.ToArray());
        writer.AddMetadata("tokenizer.ggml.token_type", vocabulary.Types.Select(type => (int)type).ToArray());
        writer.AddMetadata("tokenizer.ggml.bos_token_id", (uint)vocabulary.BosId);
        writer.AddMetadata("tokenizer.ggml.eos_token_id", (uint)vocabulary.EosId);
        writer.AddMetadata("tokenizer.ggml.unknown_token_id", (uint)vocabulary.UnkId);
        writer.AddMetadata("tokenizer.ggml.add_bos_token", true);
        writer.AddMetadata("tokenizer.ggml.add_eos_token", false);
        if (!vocabulary.AddsDummyPrefix)
            writer.AddMetadata("tokenizer.ggml.add_space_prefix", false);
        Write(writer, stream, tensors, progress, cancellation);
    }

    /// <summary>Writes tower and projector.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="name">Its name, for people.</param>
    /// <param name="vision">The tower's shape.</param>
    /// <param name="textWidth">The width of the language model.</param>
    /// <param name="tensors">Its tensors, under their GGUF names.</param>
    /// <param name="progress">Told the bytes written.</param>
    /// <param name="cancellation">Stops it.</param>
    public static void WriteProjector(
        Stream stream,
        string name,
        VisionConfig vision,
        int textWidth,
        IEnumerable<OutputTensor> tensors,
        IProgress<long>? progress,
        CancellationToken cancellation)
    {
        var writer = new GgufWriter();
        writer.AddMetadata(Architecture, "clip");
        writer.AddMetadata("clip.has_text_encoder", false);
        writer.AddMetadata("clip.has_vision_encoder", true);
        writer.AddMetadata("clip.has_llava_projector", true);
        writer.AddMetadata("general.file_type", F16FileType);
        writer.AddMetadata("general.name", name);
        writer.AddMetadata("clip.projector_type", "mlp");
        writer.AddMetadata("clip.use_gelu", !vision.QuickGelu);
        writer.AddMetadata("clip.vision.image_size", (uint)vision.ImageSize);
        writer.AddMetadata("clip.vision.patch_size", (uint)vision.PatchSize);
        writer.AddMetadata("clip.vision.embedding_length", (uint)vision.HiddenSize);
        writer.AddMetadata("clip.vision.feed_forward_length", (uint)vision.IntermediateSize);
        writer.AddMetadata("clip.vision.projection_dim", (uint)textWidth);
        writer.AddMetadata("clip.vision.block_count", (uint)vision.FeatureLayers);
        writer.AddMetadata("clip.vision.attention.head_count", (uint)vision.Heads);
        writer.AddMetadata("clip.vision.attention.layer_norm_epsilon", vision.NormEpsilon);
        writer.AddMetadata("clip.vision.image_mean", vision.Mean.ToArray());
        writer.AddMetadata("clip.vision.image_std", vision.Std.ToArray());
        Write(writer, stream, tensors, progress, cancellation);
    }

    private static void Write(
        GgufWriter writer, Stream stream, IEnumerable<OutputTensor> tensors, IProgress<long>? progress, CancellationToken cancellation)
    {
        foreach (OutputTensor tensor in tensors)
            writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, file => tensor.WriteTo(file, progress, cancellation));
        writer.Write(stream);
    }
}
