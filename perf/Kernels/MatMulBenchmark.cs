using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Projections of every size in every weight format.</summary>
public class MatMulBenchmark : ProductBenchmark
{
    private Weight _weight = null!;
    private Tensor _x = null!;
    private Tensor _y = null!;

    /// <summary>The shapes.</summary>
    public static IEnumerable<MatMulShape> Shapes => MatMulShape.All();

    /// <summary>Which product.</summary>
    [ParamsSource(nameof(Shapes))]
    public MatMulShape Shape { get; set; } = null!;

    private protected override void Prepare()
    {
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [Shape.Projection]));
        _weight = Activations.Own(Device.LoadWeight([file[Shape.Projection.Name]]));
        _x = Activations.Random(Shape.Rows, Shape.Projection.Inputs);
        _y = Activations.Random(Shape.Rows, Shape.Projection.Outputs);
    }

    private protected override void Run(Device device) => device.MatMul(_x, _weight, _y);
}
