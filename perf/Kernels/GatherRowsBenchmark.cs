using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Rows of a step whose logits are computed, out of all of them.</summary>
public class GatherRowsBenchmark : OperationBenchmark
{
    private const int StepRows = 640;
    private Tensor _source = null!;
    private Tensor _indices = null!;
    private Tensor _output = null!;

    /// <summary>Rows that are taken.</summary>
    [Params(1, 32)]
    public int Rows { get; set; }

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        _source = Activations.Random(StepRows, Width);
        _indices = Activations.Integers(Rows, step: 97, below: StepRows);
        _output = Activations.Random(Rows, Width);
    }

    private protected override void Run(Device device) => device.GatherRows(_source, _indices, _output);
}
