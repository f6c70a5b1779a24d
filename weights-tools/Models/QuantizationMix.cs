using ChainOfSpot.Kernels;
using ChainOfSpot.Models;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>
/// Which type each tensor of a GGUF language model gets, by the names that llama.cpp's users know. The "_s", "_m" and "_l" mixes
/// and the 6-bit head give more bits where less precision costs most: values and the last layer of the feed-forward networks of
/// the first and last eighth of the blocks and of every third one between.
/// </summary>
/// <param name="Name">Its name, such as q4_k_m.</param>
/// <param name="FileType">Its number in general.file_type.</param>
/// <param name="Main">The type of most tensors.</param>
internal sealed record QuantizationMix(string Name, uint FileType, ElementType Main)
{
    /// <summary>All mixes.</summary>
    public static IReadOnlyList<QuantizationMix> All { get; } =
    [
        new("f32", 0, ElementType.F32), new("f16", 1, ElementType.F16), new("bf16", 32, ElementType.BF16),
        new("q8_0", 7, ElementType.Q8_0), new("q5_1", 9, ElementType.Q5_1), new("q5_0", 8, ElementType.Q5_0),
        new("q4_1", 3, ElementType.Q4_1), new("q4_0", 2, ElementType.Q4_0),
        new("q6_k", 18, ElementType.Q6_K), new("q5_k_m", 17, ElementType.Q5_K), new("q5_k_s", 16, ElementType.Q5_K),
        new("q4_k_m", 15, ElementType.Q4_K), new("q4_k_s", 14, ElementType.Q4_K), new("q3_k_l", 13, ElementType.Q3_K),
        new("q3_k_m", 12, ElementType.Q3_K), new("q3_k_s", 11, ElementType.Q3_K), new("q2_k", 10, ElementType.Q2_K),
    ];

    /// <summary>The mix of a name.</summary>
    public static QuantizationMix Of(string name) =>
        All.FirstOrDefault(mix => mix.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new CommandException(
            $"there is no quantisation '{name}'; {string.Join(", ", All.Select(mix => mix.Name))} were expected.", isUsage: true);

    /// <summary>The type of a tensor: vectors stay floats, and rows that are no whole blocks get a type with smaller ones.</summary>
    public ElementType TypeOf(LlavaTensor tensor, TextConfig config)
    {
        if (!tensor.IsMatrix)
            return ElementType.F32;
        ElementType type = WantedType(tensor, config);
        if (tensor.Columns % type.BlockElements() != 0)
            type = type switch
            {
                ElementType.Q6_K => ElementType.Q8_0,
                ElementType.Q5_K => ElementType.Q5_1,
                ElementType.Q4_K => ElementType.Q5_0,
                _ => ElementType.Q4_0,
            };
        return tensor.Columns % type.BlockElements() == 0 ? type : ElementType.F16;
    }

    private ElementType WantedType(LlavaTensor tensor, TextConfig config)
    {
        bool isHead = tensor.Name == LlavaLayout.Head || (config.TiedHead && tensor.Name == LlavaLayout.Embedding);
        if (isHead)
            return Main.IsQuantized() && Main != ElementType.Q8_0 ? ElementType.Q6_K : Main;
        int block = tensor.Name.StartsWith("layers.", StringComparison.Ordinal)
            ? int.Parse(tensor.Name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture)
            : -1;
        return (Name, tensor.Name.Split('.') is [.., var last, "weight"] ? last : "") switch
        {
            ("q4_k_m" or "q5_k_m", "v_proj" or "down_proj") when NeedsMoreBits(block, config.Layers) => ElementType.Q6_K,
            ("q4_k_s", "v_proj") when block < 4 => ElementType.Q5_K,
            ("q4_k_s", "down_proj") when block < config.Layers / 8 => ElementType.Q5_K,
            ("q3_k_l", "v_proj" or "o_proj" or "down_proj") => ElementType.Q5_K,
            ("q3_k_m", "v_proj") => block < 2 ? ElementType.Q5_K : ElementType.Q4_K,
            ("q3_k_m", "down_proj") => block < config.Layers / 16 ? ElementType.Q5_K : ElementType.Q4_K,
            ("q3_k_m", "o_proj") => ElementType.Q4_K,
            ("q2_k", "v_proj" or "o_proj" or "down_proj") => ElementType.Q3_K,
            _ => Main,
        };
    }

    private static bool NeedsMoreBits(int block, int blocks) =>
        block < blocks / 8 || block >= 7 * blocks / 8 || (block - (blocks / 8)) % 3 == 2;
}
