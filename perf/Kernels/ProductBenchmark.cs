using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A product with weights, in every format and arithmetic.</summary>
public abstract class ProductBenchmark : OperationBenchmark
{
    /// <summary>How the weights are stored.</summary>
    [ParamsSource(nameof(Formats))]
    public ElementType Weights { get; set; }

    /// <summary>Whether it is multiplied in fp32, or in bf16 and int8.</summary>
    [ParamsSource(nameof(Arithmetics))]
    public Arithmetic Arithmetic { get; set; }

    /// <summary>The formats.</summary>
    public static IEnumerable<ElementType> Formats => BenchmarkCases.Weights;

    /// <summary>The kinds of arithmetic.</summary>
    public static IEnumerable<Arithmetic> Arithmetics => BenchmarkCases.Arithmetics;

    private protected override Arithmetic DeviceArithmetic => Arithmetic;
}
