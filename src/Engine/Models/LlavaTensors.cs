using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>
/// Finds the tensors of a LLaVA-1.5 model under the names of every layout in use: original LLaVA, Hugging Face and newer
/// Hugging Face; the tower with or without "vision_model.", inside the checkpoint or in one of its own.
/// </summary>
internal sealed class LlavaTensors
{
    internal static readonly string[] TextPrefixes = ["language_model.model.", "model.language_model.", "model."];
    internal static readonly string[] HeadPrefixes = ["language_model.", ""];
    internal static readonly string[] ProjectorFirst = ["multi_modal_projector.linear_1", "model.multi_modal_projector.linear_1", "model.mm_projector.0"];
    internal static readonly string[] ProjectorSecond = ["multi_modal_projector.linear_2", "model.multi_modal_projector.linear_2", "model.mm_projector.2"];

    internal static readonly string[] TowerPrefixes =
    [
        "vision_tower.vision_model.", "vision_tower.", "model.vision_tower.vision_model.", "model.vision_tower.",
        "model.vision_tower.vision_tower.vision_model.",
    ];

    internal static readonly string[] SeparateTowerPrefixes = ["vision_model.", ""];

    private readonly string _model;
    private readonly Checkpoint _checkpoint;
    private readonly Checkpoint _towerCheckpoint;
    private readonly string _text;
    private readonly string _head;
    private readonly string _tower;
    private readonly int _projector;

    public LlavaTensors(string model, Checkpoint checkpoint, Checkpoint? tower)
    {
        _model = model;
        _checkpoint = checkpoint;
        _towerCheckpoint = tower ?? checkpoint;
        _text = Find(checkpoint, TextPrefixes, "embed_tokens.weight");
        _head = HeadPrefixes.FirstOrDefault(p => checkpoint.Tensors.ContainsKey(p + "lm_head.weight")) ?? "";
        _tower = Find(_towerCheckpoint, tower is null ? TowerPrefixes : SeparateTowerPrefixes, "embeddings.class_embedding");
        _projector = Array.IndexOf(ProjectorFirst, Find(checkpoint, ProjectorFirst, ".weight"));
    }

    /// <summary>Whether the checkpoint holds a tower of its own.</summary>
    public static bool HoldsTower(Checkpoint checkpoint) =>
        TowerPrefixes.Any(p => checkpoint.Tensors.ContainsKey(p + "embeddings.class_embedding"));

    /// <summary>The tensors of the language model.</summary>
    public LanguageTensors Language(TextConfig config)
    {
        int d = config.HiddenSize;
        int width = config.Heads * config.HeadDim;
        int kvWidth = config.KvHeads * config.HeadDim;
        int inter = config.IntermediateSize;
        StoredTensor embedding = Text("embed_tokens.weight", config.VocabularySize, d);
        return new LanguageTensors(
            embedding,
            [.. Enumerable.Range(0, config.Layers).Select(i => Block($"layers.{i}."))],
            Text("norm.weight", d),
            config.TiedHead ? embedding : Get(_checkpoint, _head + "lm_head.weight", [config.VocabularySize, d]));

        StoredTensor Text(string name, params ReadOnlySpan<long> shape) => Get(_checkpoint, _text + name, shape);

        LlamaBlock Block(string prefix) => new(
            AttentionNorm: Text(prefix + "input_layernorm.weight", d),
            Query: Text(prefix + "self_attn.q_proj.weight", width, d),
            Key: Text(prefix + "self_attn.k_proj.weight", kvWidth, d),
            Value: Text(prefix + "self_attn.v_proj.weight", kvWidth, d),
            AttentionOutput: Text(prefix + "self_attn.o_proj.weight", d, width),
            FeedForwardNorm: Text(prefix + "post_attention_layernorm.weight", d),
            Gate: Text(prefix + "mlp.gate_proj.weight", inter, d),
            Up: Text(prefix + "mlp.up_proj.weight", inter, d),
            Down: Text(prefix + "mlp.down_proj.weight", d, inter));
    }

    /// <summary>The tensors of the tower, up to the feature layer, and of the projector.</summary>
    public TowerTensors Tower(LlavaConfig config)
    {
        VisionConfig vision = config.Vision;
        int d = vision.HiddenSize;
        int width = config.Text.HiddenSize;
        return new TowerTensors(
            Get(_towerCheckpoint, _tower + "embeddings.class_embedding", [d]),
            Get(_towerCheckpoint, _tower + "embeddings.patch_embedding.weight", [d, 3, vision.PatchSize, vision.PatchSize]),
            Get(_towerCheckpoint, _tower + "embeddings.position_embedding.weight", [vision.Patches + 1, d]),
            Norm("pre_layrnorm"),
            [.. Enumerable.Range(0, vision.FeatureLayers).Select(i => Block($"encoder.layers.{i}."))],
            Linear(_checkpoint, ProjectorFirst[_projector], width, d),
            Linear(_checkpoint, ProjectorSecond[_projector], width, width));

        AffineTensors Norm(string name) =>
            new(Get(_towerCheckpoint, _tower + name + ".weight", [d]), Get(_towerCheckpoint, _tower + name + ".bias", [d]));

        AffineTensors Linear(Checkpoint checkpoint, string name, int outputs, int inputs) =>
            new(Get(checkpoint, name + ".weight", [outputs, inputs]), Get(checkpoint, name + ".bias", [outputs]));

        AffineTensors Layer(string name, int outputs, int inputs) => Linear(_towerCheckpoint, _tower + name, outputs, inputs);

        ClipBlock Block(string prefix) => new(
            AttentionNorm: Norm(prefix + "layer_norm1"),
            Query: Layer(prefix + "self_attn.q_proj", d, d),
            Key: Layer(prefix + "self_attn.k_proj", d, d),
            Value: Layer(prefix + "self_attn.v_proj", d, d),
            AttentionOutput: Layer(prefix + "self_attn.out_proj", d, d),
            FeedForwardNorm: Norm(prefix + "layer_norm2"),
            FeedForward1: Layer(prefix + "mlp.fc1", vision.IntermediateSize, d),
            FeedForward2: Layer(prefix + "mlp.fc2", d, vision.IntermediateSize));
    }

    private string Find(Checkpoint checkpoint, string[] prefixes, string name)
    {
        foreach (string prefix in prefixes)
        {
            if (checkpoint.Tensors.ContainsKey(prefix + name))
                return prefix;
        }
        throw new ModelException(_model, $"no tensor named {string.Join(" or ", prefixes.Select(p => p + name))}; expected a whole LLaVA-1.5 checkpoint.");
    }

    private StoredTensor Get(Checkpoint checkpoint, string name, ReadOnlySpan<long> shape)
    {
        if (!checkpoint.TryGet(name, out StoredTensor? tensor))
            throw new ModelException(_model, $"tensor {name} [{string.Join(", ", shape.ToArray())}] is missing.");
        if (!shape.SequenceEqual(tensor.Shape.ToArray()))
        {
            throw new ModelException(
                _model, $"tensor {name} is [{string.Join(", ", tensor.Shape)}] in {tensor.File}; the configuration says [{string.Join(", ", shape.ToArray())}].");
        }
        return tensor;
    }
}
