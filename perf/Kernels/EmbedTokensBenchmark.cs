using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Rows of the embedding, widened.</summary>
public class EmbedTokensBenchmark : OperationBenchmark
{
    private Weight _table = null!;
    private Tensor _ids = null!;
    private Tensor _output = null!;

    /// <summary>Tokens.</summary>
    [Params(1, 32, 640)]
    public int Rows { get; set; }

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    /// <summary>How the embedding is stored.</summary>
    [ParamsSource(nameof(Formats))]
    public ElementType Weights { get; set; }

    /// <summary>The formats.</summary>
    public static IEnumerable<ElementType> Formats => BenchmarkCases.Weights;

    private protected override void Prepare()
    {
        int vocabulary = LlavaShape.Llava7B.Vocabulary;
        var embedding = new Projection("embedding", Width, vocabulary);
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [embedding]));
        _table = Activations.Own(Device.LoadTable(file[embedding.Name]));
        _ids = Activations.Integers(Rows, step: 7919, below: vocabulary);
        _output = Activations.Random(Rows, Width);
    }

    private protected override void Run(Device device) => device.EmbedTokens(_table, _ids, _output);
}
