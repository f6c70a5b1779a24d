using System.Reflection;
using ChainOfSpot.KernelBenchmarks;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Perf.Tests;

public sealed class KernelBenchmarkTests
{
    /// <summary>What only moves numbers between the host and the device.</summary>
    private static readonly string[] Transfers = [nameof(Device.Write), nameof(Device.Read)];

    [Fact]
    public void Every_operation_of_a_device_has_a_benchmark_of_its_name()
    {
        IEnumerable<string> operations = typeof(Device).GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Where(method => method.IsAbstract && method.ReturnType == typeof(void) && method.GetParameters().Length > 0)
            .Select(method => method.Name)
            .Except(Transfers);
        IEnumerable<string> benchmarks = typeof(OperationBenchmark).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(OperationBenchmark)) && !type.IsAbstract)
            .Select(type => type.Name);
        Assert.Equal(
            operations.Select(name => $"{name}Benchmark").Order(StringComparer.Ordinal), benchmarks.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_format_of_weights_is_measured()
    {
        IEnumerable<ElementType> formats = Enum.GetValues<ElementType>().Except([ElementType.I32, ElementType.I64, ElementType.U8]);
        Assert.Equal(formats, MatMulBenchmark.Formats.Order());
    }

    [Theory]
    [InlineData(ElementType.IQ4_NL)]
    [InlineData(ElementType.IQ4_XS)]
    [InlineData(ElementType.Q6_K)]
    public void Random_weights_of_every_format_keep_activations_near_one(ElementType type)
    {
        const int Inputs = 1024;
        using CpuDevice device = CpuDevice.Create(threads: 1);
        using var weights = new RandomWeights(Path.GetTempPath(), type, [new Projection("w", Inputs, Inputs)]);
        using Weight weight = device.LoadWeight([weights["w"]]);
        using Tensor x = device.Allocate(ElementType.F32, 1, Inputs);
        using Tensor y = device.Allocate(ElementType.F32, 1, Inputs);
        var random = new Random(2);
        device.Write<float>(x, [.. Enumerable.Range(0, Inputs).Select(_ => random.Next(2) * 2f - 1)]);
        device.MatMul(x, weight, y);
        float[] outputs = new float[Inputs];
        device.Read<float>(y, outputs);
        Assert.InRange(MathF.Sqrt(outputs.Average(output => output * output)), 0.7f, 1.4f);
    }
}
