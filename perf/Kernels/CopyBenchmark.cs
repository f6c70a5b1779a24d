using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A picture's features into the rows of a step.</summary>
public class CopyBenchmark : OperationBenchmark
{
    private Tensor _source = null!;
    private Tensor _destination = null!;

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        _source = Activations.Random(LlavaShape.Llava7B.Patches, Width);
        _destination = Activations.Random(LlavaShape.Llava7B.Patches, Width);
    }

    private protected override void Run(Device device) => device.Copy(_source, _destination);
}
