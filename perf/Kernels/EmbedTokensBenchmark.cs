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

    /// <summary>How the embedding is stored.</summary>
    [ParamsSource(nameof(Formats))]
    public ElementType Weights { get; set; }

    /// <summary>The formats.</summary>
    public static IEnumerable<ElementType> Formats => BenchmarkCases.Weights;

    private protected override void Prepare()
    {
        LlavaShape shape = LlavaShape.Llava7B;
        var embedding = new Projection("embedding", shape.Width, shape.Vocabulary);
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [embedding]));
        _table = Activations.Own(Device.LoadWeight([file[embedding.Name]]));
        _ids = Activations.Integers(Rows, step: 7919, below: shape.Vocabulary);
        _output = Activations.Random(Rows, shape.Width);
    }

    private protected override void Run(Device device) => device.EmbedTokens(_table, _ids, _output);
}
