using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>The patches of a picture as rows of the tower's first product.</summary>
public class ExtractPatchesBenchmark : OperationBenchmark
{
    private const int Patch = 14;
    private static readonly LlavaShape Shape = LlavaShape.Llava7B;
    private Tensor _pixels = null!;
    private Tensor _patches = null!;

    private protected override void Prepare()
    {
        _pixels = Activations.Random(1, 3 * Shape.ImageSide * Shape.ImageSide);
        _patches = Activations.Random(Shape.Patches, 3 * Patch * Patch);
    }

    private protected override void Run(Device device) => device.ExtractPatches(_pixels, Shape.ImageSide, Patch, _patches);
}
