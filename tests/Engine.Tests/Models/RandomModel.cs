using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>The shape of a checkpoint with random weights.</summary>
internal sealed record RandomModel
{
    public const int Vocabulary = 520;

    /// <summary>Shapes of every kind: grouped heads, odd widths, head sizes that no vector divides, sums of more than one block.</summary>
    public static Gen<RandomModel> Shapes { get; } =
        from type in OneOf(ElementType.F32, ElementType.F16, ElementType.BF16)
        from hidden in OneOf(23, 40, 64, 72)
        from layers in Gen.Int[1, 3]
        from kvHeads in OneOf(1, 2, 3)
        from queriesPerHead in OneOf(1, 2, 5)
        from headDim in OneOf(6, 10, 16, 24, 40)
        from intermediate in OneOf(37, 100, 1088, 4224)
        from towerHead in OneOf(5, 8, 12, 24)
        from towerHeads in Gen.Int[1, 3]
        from image in OneOf(28, 42, 70)
        from seed in Gen.Int[1, int.MaxValue - 1]
        select new RandomModel
        {
            Type = type,
            Hidden = hidden,
            Layers = layers,
            Heads = kvHeads * queriesPerHead,
            KvHeads = kvHeads,
            HeadDim = headDim,
            Intermediate = intermediate,
            TowerHidden = towerHead * towerHeads,
            TowerHeads = towerHeads,
            Image = image,
            Seed = seed,
        };

    public ElementType Type { get; init; } = ElementType.F16;

    public int Hidden { get; init; } = 64;

    public int Layers { get; init; } = 2;

    public int Heads { get; init; } = 4;

    public int KvHeads { get; init; } = 2;

    public int HeadDim { get; init; } = 16;

    public int Intermediate { get; init; } = 100;

    public int TowerHidden { get; init; } = 32;

    public int TowerHeads { get; init; } = 2;

    public int Image { get; init; } = 28;

    public int Positions { get; init; } = 512;

    public int Seed { get; init; } = 1;

    /// <summary>Writes the checkpoint, Hugging Face layout, into a folder.</summary>
    public void Write(string folder)
    {
        const int Patch = 14;
        var tensors = new RandomTensors(Type, Seed);
        tensors.Add("language_model.model.embed_tokens.weight", Vocabulary, Hidden);
        tensors.Add("language_model.lm_head.weight", Vocabulary, Hidden);
        tensors.AddNorm("language_model.model.norm.weight", Hidden);
        for (int i = 0; i < Layers; i++)
        {
            string layer = $"language_model.model.layers.{i}.";
            tensors.AddNorm(layer + "input_layernorm.weight", Hidden);
            tensors.AddNorm(layer + "post_attention_layernorm.weight", Hidden);
            tensors.Add(layer + "self_attn.q_proj.weight", Heads * HeadDim, Hidden);
            tensors.Add(layer + "self_attn.k_proj.weight", KvHeads * HeadDim, Hidden);
            tensors.Add(layer + "self_attn.v_proj.weight", KvHeads * HeadDim, Hidden);
            tensors.Add(layer + "self_attn.o_proj.weight", Hidden, Heads * HeadDim);
            tensors.Add(layer + "mlp.gate_proj.weight", Intermediate, Hidden);
            tensors.Add(layer + "mlp.up_proj.weight", Intermediate, Hidden);
            tensors.Add(layer + "mlp.down_proj.weight", Hidden, Intermediate);
        }
        const string Tower = "vision_tower.vision_model.";
        tensors.Add(Tower + "embeddings.class_embedding", TowerHidden);
        tensors.Add(Tower + "embeddings.position_embedding.weight", (Image / Patch * (Image / Patch)) + 1, TowerHidden);
        tensors.Add(Tower + "embeddings.patch_embedding.weight", TowerHidden, 3, Patch, Patch);
        AddNormWithBias(Tower + "pre_layrnorm");
        for (int i = 0; i < 2; i++)
        {
            string layer = $"{Tower}encoder.layers.{i}.";
            AddNormWithBias(layer + "layer_norm1");
            AddNormWithBias(layer + "layer_norm2");
            foreach (string name in (ReadOnlySpan<string>)["q_proj", "k_proj", "v_proj", "out_proj"])
                AddLinear($"{layer}self_attn.{name}", TowerHidden, TowerHidden);
            AddLinear(layer + "mlp.fc1", 2 * TowerHidden, TowerHidden);
            AddLinear(layer + "mlp.fc2", TowerHidden, 2 * TowerHidden);
        }
        AddLinear("multi_modal_projector.linear_1", Hidden, TowerHidden);
        AddLinear("multi_modal_projector.linear_2", Hidden, Hidden);
        tensors.Save(Path.Combine(folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(folder, "config.json"), Config());
        File.Copy(Fixtures.Path("tokenizer-512.model"), Path.Combine(folder, "tokenizer.model"));

        void AddNormWithBias(string name)
        {
            tensors.AddNorm(name + ".weight", TowerHidden);
            tensors.Add(name + ".bias", TowerHidden);
        }

        void AddLinear(string name, int outputs, int inputs)
        {
            tensors.Add(name + ".weight", outputs, inputs);
            tensors.Add(name + ".bias", outputs);
        }
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private string Config() => JsonSerializer.Serialize(new
    {
        model_type = "llava",
        text_config = new
        {
            hidden_size = Hidden,
            intermediate_size = Intermediate,
            num_hidden_layers = Layers,
            num_attention_heads = Heads,
            num_key_value_heads = KvHeads,
            head_dim = HeadDim,
            max_position_embeddings = Positions,
            vocab_size = Vocabulary,
        },
        vision_config = new
        {
            hidden_size = TowerHidden,
            intermediate_size = 2 * TowerHidden,
            num_hidden_layers = 3,
            num_attention_heads = TowerHeads,
            image_size = Image,
            patch_size = 14,
        },
    });
}
