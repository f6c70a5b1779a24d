using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A page of the cache, all layers, as a fork copies its last one.</summary>
public class CopyPageBenchmark : OperationBenchmark
{
    private KvPool _pool = null!;

    /// <summary>Layers, and heads of each: they are as many in both models.</summary>
    [ParamsSource(nameof(ModelHeads))]
    public int Layers { get; set; }

    /// <summary>How it is stored.</summary>
    [Params(KvElement.F32, KvElement.F16, KvElement.Q8)]
    public KvElement Cache { get; set; }

    private protected override void Prepare() =>
        _pool = Activations.Own(Device.AllocateKv(new KvShape(Layers, Layers, LlavaShape.Llava7B.HeadDim, Cache), pages: 2));

    private protected override void Run(Device device) => device.CopyPage(_pool, 0, 1, device.PagePositions);
}
