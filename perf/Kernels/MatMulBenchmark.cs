using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Projections of every size in every weight format.</summary>
public class MatMulBenchmark : OperationBenchmark
{
    private Weight _weight = null!;
    private Tensor _x = null!;
    private Tensor _y = null!;

    /// <summary>The shapes.</summary>
    public static IEnumerable<MatMulShape> Shapes => MatMulShape.All();

    /// <summary>Which product.</summary>
    [ParamsSource(nameof(Shapes))]
    public MatMulShape Shape { get; set; } = null!;

    /// <summary>How the weights are stored.</summary>
    [ParamsSource(nameof(Formats))]
    public ElementType Weights { get; set; }

    /// <summary>Whether it is multiplied in fp32, or in bf16 and int8.</summary>
    [ParamsSource(nameof(Arithmetics))]
    public Arithmetic Arithmetic { get; set; }

    /// <summary>The kinds of arithmetic.</summary>
    public static IEnumerable<Arithmetic> Arithmetics => BenchmarkCases.Arithmetics;

    /// <summary>The formats.</summary>
    public static IEnumerable<ElementType> Formats => BenchmarkCases.Weights;

    private protected override Arithmetic DeviceArithmetic => Arithmetic;

    private protected override void Prepare()
    {
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [Shape.Projection]));
        _weight = Activations.Own(Device.LoadWeight([file[Shape.Projection.Name]]));
        _x = Activations.Random(Shape.Rows, Shape.Projection.Inputs);
        _y = Activations.Random(Shape.Rows, Shape.Projection.Outputs);
    }

    private protected override void Run(Device device) => device.MatMul(_x, _weight, _y);
}
