using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The largest logits of one row.</summary>
public class TopKBenchmark : OperationBenchmark
{
    private Tensor _logits = null!;
    private Tensor _values = null!;
    private Tensor _ids = null!;

    /// <summary>How many.</summary>
    [Params(5, 40)]
    public int Count { get; set; }

    private protected override void Prepare()
    {
        _logits = Activations.Random(1, LlavaShape.Llava7B.Vocabulary);
        _values = Activations.Random(1, Count);
        _ids = Activations.Own(Device.Allocate(ElementType.I32, 1, Count));
    }

    private protected override void Run(Device device) => device.TopK(_logits, _values, _ids);
}
