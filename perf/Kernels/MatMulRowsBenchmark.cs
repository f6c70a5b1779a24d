using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Those rows of the head that a choice is among: the digits of a region.</summary>
public class MatMulRowsBenchmark : ProductBenchmark
{
    private const int Choices = 12;
    private Weight _head = null!;
    private Tensor _x = null!;
    private Tensor _choices = null!;
    private Tensor _logits = null!;

    /// <summary>Sequences that decode.</summary>
    [Params(1, 8, 32)]
    public int Rows { get; set; }

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        int vocabulary = LlavaShape.Llava7B.Vocabulary;
        var head = new Projection("head", Width, vocabulary);
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [head]));
        _head = Activations.Own(Device.LoadWeight([file[head.Name]]));
        _x = Activations.Random(Rows, Width);
        _choices = Activations.Integers(Choices, step: 7919, below: vocabulary);
        _logits = Activations.Random(Rows, Choices);
    }

    private protected override void Run(Device device) => device.MatMulRows(_x, _head, _choices, _logits);
}
