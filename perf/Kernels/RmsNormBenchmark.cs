using BenchmarkDotNet.Attributes;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The language model's norm.</summary>
public class RmsNormBenchmark : OperationBenchmark
{
    private Tensor _x = null!;
    private Tensor _weight = null!;

    /// <summary>Rows.</summary>
    [Params(1, 8, 32, 640, 1300)]
    public int Rows { get; set; }

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        _x = Activations.Random(Rows, Width);
        _weight = Activations.Ones(Width);
    }

    private protected override void Run(Device device) => device.RmsNorm(_x, _weight, 1e-5f, _x);
}
