namespace ChainOfSpot.WeightsTools.Models;

/// <summary>The parts of a LLaVA model.</summary>
internal enum LlavaPart
{
    /// <summary>The CLIP vision tower.</summary>
    Tower,

    /// <summary>The two layers between tower and language model.</summary>
    Projector,

    /// <summary>The LLaMA language model.</summary>
    Text,
}

/// <summary>One tensor of a LLaVA-1.5 model, whatever layout or format holds it.</summary>
/// <param name="Part">The part that it belongs to.</param>
/// <param name="Name">Its Hugging Face name inside of the part, such as <c>layers.0.mlp.up_proj.weight</c>.</param>
/// <param name="GgufName">Its name in a GGUF file, as LLaVA's converters write it.</param>
/// <param name="Shape">Its dimensions, slowest first.</param>
internal sealed record LlavaTensor(LlavaPart Part, string Name, string GgufName, long[] Shape)
{
    /// <summary>
    /// Heads whose rows GGUF orders for rotary embedding of neighbouring pairs, (2i, 2i + 1), where Hugging Face has halves,
    /// (i, i + size / 2); 0 where both have one order.
    /// </summary>
    public int RotaryHeads { get; init; }

    /// <summary>Whether a forward pass reads it; LLaVA-1.5 stores its tower's last layer and last norm, but never runs them.</summary>
    public bool IsUsed { get; init; } = true;

    /// <summary>Its whole name in a Hugging Face checkpoint (llava-hf/*).</summary>
    public string FullName => Part switch
    {
        LlavaPart.Tower => "vision_tower.vision_model." + Name,
        LlavaPart.Projector => "multi_modal_projector." + Name,
        _ => Name == LlavaLayout.Head ? "language_model." + Name : "language_model.model." + Name,
    };

    /// <summary>Whether it is a matrix (or the patch kernel), not a vector.</summary>
    public bool IsMatrix => Shape.Length > 1;

    /// <summary>Whether it has one row a token.</summary>
    public bool IsVocabulary => Part == LlavaPart.Text && Name is LlavaLayout.Embedding or LlavaLayout.Head;

    /// <summary>Its first dimension; 1 for a vector.</summary>
    public long Rows => IsMatrix ? Shape[0] : 1;

    /// <summary>Elements of a row.</summary>
    public int Columns => (int)(Shape.Aggregate(1L, (product, dimension) => product * dimension) / Rows);

    /// <summary>Where GGUF keeps a row of the Hugging Face order.</summary>
    public long GgufRow(long row)
    {
        if (RotaryHeads == 0)
            return row;
        (long head, long inHead) = Math.DivRem(row, Rows / RotaryHeads);
        long half = Rows / RotaryHeads / 2;
        return (head * 2 * half) + (inHead < half ? 2 * inHead : (2 * (inHead - half)) + 1);
    }

    /// <summary>Which row of the Hugging Face order a row of GGUF is.</summary>
    public long HuggingFaceRow(long ggufRow)
    {
        if (RotaryHeads == 0)
            return ggufRow;
        (long head, long inHead) = Math.DivRem(ggufRow, Rows / RotaryHeads);
        long half = Rows / RotaryHeads / 2;
        return (head * 2 * half) + (inHead / 2) + (inHead % 2 * half);
    }
}
