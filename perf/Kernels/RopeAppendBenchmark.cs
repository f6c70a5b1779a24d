using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Rotation of queries and keys, keys and values into the cache.</summary>
public class RopeAppendBenchmark : OperationBenchmark
{
    private CachedRows _cached = null!;
    private Tensor _qkv = null!;

    /// <summary>Rows.</summary>
    [Params(1, 8, 32, 640, 1300)]
    public int Rows { get; set; }

    /// <summary>Attention heads.</summary>
    [ParamsSource(nameof(ModelHeads))]
    public int Heads { get; set; }

    /// <summary>How keys and values are stored.</summary>
    [Params(KvElement.F32, KvElement.F16, KvElement.Q8)]
    public KvElement Cache { get; set; }

    private protected override void Prepare()
    {
        int headDim = LlavaShape.Llava7B.HeadDim;
        _cached = Activations.Own(new CachedRows(Device, new KvShape(1, Heads, headDim, Cache), LlavaShape.Llava7B.Context, Rows));
        _qkv = Activations.Random(Rows, 3 * Heads * headDim);
    }

    private protected override void Run(Device device) => device.RopeAppend(_qkv, _cached.Placement, _cached.Rope, _cached.Pool, 0);
}
