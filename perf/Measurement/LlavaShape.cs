namespace ChainOfSpot.Measurement;

/// <summary>The sizes of a LLaVA-1.5 model: what its operations' shapes follow from.</summary>
/// <param name="Name">The name of the model.</param>
/// <param name="Width">Width of the language model.</param>
/// <param name="Intermediate">Width of its feed-forward layers.</param>
/// <param name="Heads">Its attention heads, for keys and values too.</param>
/// <param name="Layers">Its layers.</param>
/// <param name="Vocabulary">Rows of its head.</param>
/// <param name="TowerWidth">Width of the vision tower.</param>
/// <param name="TowerIntermediate">Width of the tower's feed-forward layers.</param>
/// <param name="TowerHeads">Its attention heads.</param>
/// <param name="TowerLayers">Layers that are computed.</param>
/// <param name="ImageSide">Side of the tower's input in pixels.</param>
/// <param name="Patches">Patches of a picture.</param>
/// <param name="PromptRows">Rows of a first question: one picture and the text around it.</param>
/// <param name="Context">Positions of a second pass: two pictures and both texts.</param>
public sealed record LlavaShape(
    string Name, int Width, int Intermediate, int Heads, int Layers, int Vocabulary,
    int TowerWidth, int TowerIntermediate, int TowerHeads, int TowerLayers, int ImageSide, int Patches, int PromptRows, int Context)
{
    /// <summary>liuhaotian/llava-v1.5-7b.</summary>
    public static LlavaShape Llava7B { get; } =
        new("LLaVA-1.5 7B", 4096, 11008, 32, 32, 32000, 1024, 4096, 16, 23, 336, 576, 640, 1300);

    /// <summary>liuhaotian/llava-v1.5-13b.</summary>
    public static LlavaShape Llava13B { get; } = Llava7B with { Name = "LLaVA-1.5 13B", Width = 5120, Intermediate = 13824, Heads = 40, Layers = 40 };

    /// <summary>Small enough to measure in a test, with the same operations.</summary>
    public static LlavaShape Small { get; } = new("small", 256, 512, 2, 2, 512, 128, 256, 2, 2, 56, 16, 40, 130);

    /// <summary>Elements of a head of the language model.</summary>
    public int HeadDim => Width / Heads;

    /// <summary>The projections of the language model's layer and its head.</summary>
    public IReadOnlyList<Projection> Decoder =>
    [
        new("qkv", Width, 3 * Width),
        new("o", Width, Width),
        new("gate_up", Width, 2 * Intermediate),
        new("down", Intermediate, Width),
        new("head", Width, Vocabulary),
    ];

    /// <summary>The projections of the tower's layer and the projector.</summary>
    public IReadOnlyList<Projection> Tower =>
    [
        new("clip_qkv", TowerWidth, 3 * TowerWidth),
        new("clip_o", TowerWidth, TowerWidth),
        new("clip_up", TowerWidth, TowerIntermediate),
        new("clip_down", TowerIntermediate, TowerWidth),
        new("projector_1", TowerWidth, Width),
        new("projector_2", Width, Width),
    ];
}

/// <summary>A linear layer.</summary>
/// <param name="Name">What it projects to.</param>
/// <param name="Inputs">Its inputs: K of the matrix product.</param>
/// <param name="Outputs">Its outputs: N of the matrix product.</param>
public sealed record Projection(string Name, int Inputs, int Outputs);
