using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Attention of a picture's rows over each other, as in CLIP-L.</summary>
public class FullAttentionBenchmark : OperationBenchmark
{
    private static readonly LlavaShape Shape = LlavaShape.Llava7B;
    private Tensor _qkv = null!;
    private Tensor _output = null!;

    private protected override void Prepare()
    {
        _qkv = Activations.Random(Shape.Patches + 1, 3 * Shape.TowerWidth);
        _output = Activations.Random(Shape.Patches + 1, Shape.TowerWidth);
    }

    private protected override void Run(Device device) => device.FullAttention(_qkv, Shape.Patches + 1, Shape.TowerHeads, _output);
}
