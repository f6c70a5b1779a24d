using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The greedy choice.</summary>
public class ArgMaxBenchmark : OperationBenchmark
{
    private Tensor _logits = null!;
    private Tensor _ids = null!;

    /// <summary>Rows of logits.</summary>
    [Params(1, 8, 32)]
    public int Rows { get; set; }

    private protected override void Prepare()
    {
        _logits = Activations.Random(Rows, LlavaShape.Llava7B.Vocabulary);
        _ids = Activations.Integers(Rows, step: 0, below: 1);
    }

    private protected override void Run(Device device) => device.ArgMax(_logits, _ids);
}
