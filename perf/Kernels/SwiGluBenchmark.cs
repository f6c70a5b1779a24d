using BenchmarkDotNet.Attributes;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The language model's gated activation.</summary>
public class SwiGluBenchmark : OperationBenchmark
{
    private Tensor _gateUp = null!;
    private Tensor _output = null!;

    /// <summary>Rows.</summary>
    [Params(1, 8, 32, 640, 1300)]
    public int Rows { get; set; }

    /// <summary>Width of the feed-forward layers.</summary>
    [ParamsSource(nameof(Intermediates))]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        _gateUp = Activations.Random(Rows, 2 * Width);
        _output = Activations.Random(Rows, Width);
    }

    private protected override void Run(Device device) => device.SwiGlu(_gateUp, _output);
}
