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

    public StoredTensor Text(string name, params ReadOnlySpan<long> shape) => Get(_checkpoint, _text + name, shape);

    public StoredTensor Head(params ReadOnlySpan<long> shape) => Get(_checkpoint, _head + "lm_head.weight", shape);

    public StoredTensor Tower(string name, params ReadOnlySpan<long> shape) => Get(_towerCheckpoint, _tower + name, shape);

    public StoredTensor FirstProjector(string name, params ReadOnlySpan<long> shape) =>
        Get(_checkpoint, ProjectorFirst[_projector] + name, shape);

    public StoredTensor SecondProjector(string name, params ReadOnlySpan<long> shape) =>
        Get(_checkpoint, ProjectorSecond[_projector] + name, shape);

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
