using ChainOfSpot.Models;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>The tensors that a LLaVA-1.5 model of a given shape consists of, with their names in every format.</summary>
internal static class LlavaLayout
{
    public const string Embedding = "embed_tokens.weight";
    public const string Head = "lm_head.weight";

    /// <summary>All tensors: tower, projector, language model.</summary>
    public static IReadOnlyList<LlavaTensor> Of(LlavaConfig config) =>
        [.. OfTower(config.Vision), .. OfProjector(config.Vision, config.Text.HiddenSize), .. OfText(config.Text)];

    /// <summary>The language model.</summary>
    public static IEnumerable<LlavaTensor> OfText(TextConfig config)
    {
        long width = config.HiddenSize;
        long queries = (long)config.Heads * config.HeadDim;
        long keys = (long)config.KvHeads * config.HeadDim;
        long inter = config.IntermediateSize;
        yield return Text(Embedding, "token_embd.weight", config.VocabularySize, width);
        for (int i = 0; i < config.Layers; i++)
        {
            string name = $"layers.{i}.";
            string gguf = $"blk.{i}.";
            yield return Text(name + "input_layernorm.weight", gguf + "attn_norm.weight", width);
            yield return Text(name + "self_attn.q_proj.weight", gguf + "attn_q.weight", queries, width) with { RotaryHeads = config.Heads };
            yield return Text(name + "self_attn.k_proj.weight", gguf + "attn_k.weight", keys, width) with { RotaryHeads = config.KvHeads };
            yield return Text(name + "self_attn.v_proj.weight", gguf + "attn_v.weight", keys, width);
            yield return Text(name + "self_attn.o_proj.weight", gguf + "attn_output.weight", width, queries);
            yield return Text(name + "post_attention_layernorm.weight", gguf + "ffn_norm.weight", width);
            yield return Text(name + "mlp.gate_proj.weight", gguf + "ffn_gate.weight", inter, width);
            yield return Text(name + "mlp.up_proj.weight", gguf + "ffn_up.weight", inter, width);
            yield return Text(name + "mlp.down_proj.weight", gguf + "ffn_down.weight", width, inter);
        }
        yield return Text("norm.weight", "output_norm.weight", width);
        if (!config.TiedHead)
            yield return Text(Head, "output.weight", config.VocabularySize, width);
    }

    /// <summary>The vision tower. GGUF's ffn_down is the first layer and ffn_up the second, as LLaVA's converter has them.</summary>
    public static IEnumerable<LlavaTensor> OfTower(VisionConfig config)
    {
        long width = config.HiddenSize;
        long inter = config.IntermediateSize;
        yield return Tower("embeddings.class_embedding", "v.class_embd", width);
        yield return Tower("embeddings.patch_embedding.weight", "v.patch_embd.weight", width, 3, config.PatchSize, config.PatchSize);
        yield return Tower("embeddings.position_embedding.weight", "v.position_embd.weight", config.Patches + 1, width);
        foreach (LlavaTensor tensor in Affine("pre_layrnorm", "v.pre_ln", width))
            yield return tensor;
        for (int i = 0; i < config.Layers; i++)
        {
            string name = $"encoder.layers.{i}.";
            string gguf = $"v.blk.{i}.";
            LlavaTensor[] layer =
            [
                .. Affine(name + "layer_norm1", gguf + "ln1", width),
                .. Affine(name + "self_attn.q_proj", gguf + "attn_q", width, width),
                .. Affine(name + "self_attn.k_proj", gguf + "attn_k", width, width),
                .. Affine(name + "self_attn.v_proj", gguf + "attn_v", width, width),
                .. Affine(name + "self_attn.out_proj", gguf + "attn_out", width, width),
                .. Affine(name + "layer_norm2", gguf + "ln2", width),
                .. Affine(name + "mlp.fc1", gguf + "ffn_down", inter, width),
                .. Affine(name + "mlp.fc2", gguf + "ffn_up", width, inter),
            ];
            foreach (LlavaTensor tensor in layer)
                yield return tensor with { IsUsed = i < config.FeatureLayers };
        }
        foreach (LlavaTensor tensor in Affine("post_layernorm", "v.post_ln", width))
            yield return tensor with { IsUsed = false };
    }

    /// <summary>The projector from the tower's width into that of the language model.</summary>
    public static IEnumerable<LlavaTensor> OfProjector(VisionConfig vision, long textWidth) =>
    [
        new(LlavaPart.Projector, "linear_1.weight", "mm.0.weight", [textWidth, vision.HiddenSize]),
        new(LlavaPart.Projector, "linear_1.bias", "mm.0.bias", [textWidth]),
        new(LlavaPart.Projector, "linear_2.weight", "mm.2.weight", [textWidth, textWidth]),
        new(LlavaPart.Projector, "linear_2.bias", "mm.2.bias", [textWidth]),
    ];

    private static LlavaTensor Text(string name, string ggufName, params long[] shape) => new(LlavaPart.Text, name, ggufName, shape);

    private static LlavaTensor Tower(string name, string ggufName, params long[] shape) => new(LlavaPart.Tower, name, ggufName, shape);

    private static LlavaTensor[] Affine(string name, string ggufName, params long[] shape) =>
        [Tower(name + ".weight", ggufName + ".weight", shape), Tower(name + ".bias", ggufName + ".bias", shape[0])];
}
