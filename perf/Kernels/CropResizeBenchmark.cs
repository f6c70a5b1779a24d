using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A picture of 4:3 padded to a square and resized to the tower's input.</summary>
public class CropResizeBenchmark : OperationBenchmark
{
    private Tensor _picture = null!;
    private Tensor _levels = null!;
    private Tensor _resized = null!;
    private Tensor _pixels = null!;
    private ResampleGeometry _geometry;

    /// <summary>Columns of the picture.</summary>
    [Params(640, 1280, 4000)]
    public int Width { get; set; }

    private protected override void Prepare()
    {
        int side = LlavaShape.Llava7B.ImageSide;
        int height = Width * 3 / 4;
        _picture = Activations.Own(Device.Allocate(ElementType.U8, height, 3 * Width));
        byte[] samples = new byte[3 * Width * height];
        new Random(1).NextBytes(samples);
        Device.Write<byte>(_picture, samples);
        _levels = Activations.Random(3, 256);
        _resized = Activations.Own(Device.Allocate(ElementType.U8, side, 3 * side));
        _pixels = Activations.Random(1, 3 * side * side);
        _geometry = ResampleGeometry.Square(Width, height, side);
    }

    private protected override void Run(Device device) => device.CropResize(_picture, _geometry, _levels, _resized, _pixels);
}
