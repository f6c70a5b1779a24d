using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The last rows of a sequence over its whole cache.</summary>
/// <param name="Context">Positions of the sequence.</param>
/// <param name="Rows">Its last rows that attend.</param>
public sealed record CausalShape(int Context, int Rows)
{
    /// <summary>"rows at context".</summary>
    public override string ToString() => $"{Rows} at {Context}";
}

/// <summary>Causal attention over the paged cache: prefill at 640 and 1300, decode at 1300.</summary>
public class AttentionBenchmark : OperationBenchmark
{
    private CachedRows _cached = null!;
    private Tensor _qkv = null!;
    private Tensor _output = null!;

    /// <summary>The shapes.</summary>
    public static IEnumerable<CausalShape> Shapes => [new(640, 640), new(1300, 1300), new(1300, 1)];

    /// <summary>How much attends to how much.</summary>
    [ParamsSource(nameof(Shapes))]
    public CausalShape Shape { get; set; } = null!;

    /// <summary>Attention heads.</summary>
    [ParamsSource(nameof(ModelHeads))]
    public int Heads { get; set; }

    /// <summary>How the cache is stored.</summary>
    [Params(KvElement.F32, KvElement.F16, KvElement.Q8)]
    public KvElement Cache { get; set; }

    private protected override void Prepare()
    {
        int headDim = LlavaShape.Llava7B.HeadDim;
        _cached = Activations.Own(new CachedRows(Device, new KvShape(1, Heads, headDim, Cache), Shape.Context, Shape.Rows));
        _qkv = Activations.Random(Shape.Rows, 3 * Heads * headDim);
        _output = Activations.Random(Shape.Rows, Heads * headDim);
    }

    private protected override void Run(Device device) => device.Attention(_qkv, _cached.Placement, _cached.Pool, 0, _output);
}
