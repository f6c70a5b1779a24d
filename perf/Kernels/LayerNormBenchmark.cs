using BenchmarkDotNet.Attributes;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The vision tower's norm.</summary>
public class LayerNormBenchmark : OperationBenchmark
{
    private Tensor _x = null!;
    private Tensor _weight = null!;
    private Tensor _bias = null!;

    /// <summary>Rows.</summary>
    [Params(577)]
    public int Rows { get; set; }

    /// <summary>Width of CLIP-L.</summary>
    [Params(1024)]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        _x = Activations.Random(Rows, Width);
        _weight = Activations.Ones(Width);
        _bias = Activations.Random(1, Width);
    }

    private protected override void Run(Device device) => device.LayerNorm(_x, _weight, _bias, 1e-5f, _x);
}
