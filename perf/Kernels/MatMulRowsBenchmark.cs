using BenchmarkDotNet.Attributes;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>Those rows of the head that a choice is among: the digits of a region.</summary>
public class MatMulRowsBenchmark : OperationBenchmark
{
    private const int Choices = 12;
    private Weight _head = null!;
    private Tensor _x = null!;
    private Tensor _choices = null!;
    private Tensor _logits = null!;

    /// <summary>Sequences that decode.</summary>
    [Params(1, 8, 32)]
    public int Rows { get; set; }

    /// <summary>Width of the language model.</summary>
    [ParamsSource(nameof(Widths))]
    public int Width { get; set; }

    /// <summary>How the head is stored.</summary>
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
        int vocabulary = LlavaShape.Llava7B.Vocabulary;
        var head = new Projection("head", Width, vocabulary);
        RandomWeights file = Activations.Own(new RandomWeights(Path.GetTempPath(), Weights, [head]));
        _head = Activations.Own(Device.LoadWeight([file[head.Name]]));
        _x = Activations.Random(Rows, Width);
        _choices = Activations.Integers(Choices, step: 7919, below: vocabulary);
        _logits = Activations.Random(Rows, Choices);
    }

    private protected override void Run(Device device) => device.MatMulRows(_x, _head, _choices, _logits);
}
