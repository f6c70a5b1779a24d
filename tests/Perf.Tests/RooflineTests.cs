using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Perf.Tests;

public sealed class RooflineTests
{
    private static readonly DeviceCeilings Roof = new(MultiplyAddsPerSecond: 100, ReadBytesPerSecond: 10);

    [Fact]
    public void Below_the_ridge_memory_is_the_limit()
    {
        Assert.Equal(10, Roof.Ridge);
        Assert.Equal(2, Roof.LeastSeconds(new OperationCost(Operations: 20, Bytes: 20)));
    }

    [Fact]
    public void Above_the_ridge_arithmetic_is_the_limit() => Assert.Equal(4, Roof.LeastSeconds(new OperationCost(Operations: 400, Bytes: 20)));

    [Fact]
    public void Dot_products_of_bf16_and_int8_have_peaks_of_their_own()
    {
        DeviceCeilings roof = Roof with { BFloat16OperationsPerSecond = 200, Int8OperationsPerSecond = 400 };
        var cost = new OperationCost(Operations: 400, Bytes: 1);
        Assert.Equal(2, roof.LeastSeconds(cost.In(DotProducts.BFloat16)));
        Assert.Equal(1, roof.LeastSeconds(cost.In(DotProducts.Bytes)));
        Assert.Equal(7, roof.LeastSeconds(cost + cost.In(DotProducts.BFloat16) + cost.In(DotProducts.Bytes)));
        // Not measured: where nothing is assembled, they are computed in ordinary vectors.
        Assert.Equal(4, Roof.LeastSeconds(cost.In(DotProducts.Bytes)));
    }

    [Theory]
    [InlineData(Arithmetic.Exact, ElementType.Q8_0, DotProducts.SinglePrecision)]
    [InlineData(Arithmetic.Fast, ElementType.Q8_0, DotProducts.Bytes)]
    [InlineData(Arithmetic.Fast, ElementType.F32, DotProducts.SinglePrecision)]
    public void A_product_is_logged_in_what_it_is_computed_in(Arithmetic arithmetic, ElementType type, DotProducts products)
    {
        using var weights = new RandomWeights(Path.GetTempPath(), type, [new Projection("w", 64, 64)]);
        var log = new OperationLog();
        using Device device = new ProfilingDevice(CpuDevice.Create(threads: 1, arithmetic: arithmetic), log);
        using Weight weight = device.LoadWeight([weights["w"]]);
        using Tensor x = device.Allocate(ElementType.F32, 20, 64);
        using Tensor y = device.Allocate(ElementType.F32, 20, 64);
        device.MatMul(x, weight, y);
        OperationCost cost = Assert.Single(log.Records).Cost;
        Assert.Equal(2 * 20 * 64 * 64, cost.Operations);
        Assert.Equal(products == DotProducts.Bytes ? cost.Operations : 0, cost.Int8Operations);
        Assert.Equal(0, cost.BFloat16Operations);
    }

    [Fact]
    public void Causal_attention_counts_the_positions_that_each_row_sees_and_each_cache_once()
    {
        using CpuDevice device = CpuDevice.Create(threads: 1);
        using Tensor output = device.Allocate(ElementType.F32, 3, 8);
        var shape = new KvShape(Layers: 1, KvHeads: 1, HeadDim: 4);
        OperationCost cost = OperationCost.Attention([4, 5, 0], [0, 0, 1], output, shape);
        Assert.Equal(4.0 * (5 + 6 + 1) * 8, cost.Operations);
        Assert.Equal((2 * 3 * 8 * 4) + (2 * (6 + 1) * 4 * 4), cost.Bytes);
    }

    [Fact]
    public void A_profiled_operation_computes_the_same_and_is_logged()
    {
        var log = new OperationLog();
        using var device = new ProfilingDevice(CpuDevice.Create(threads: 1), log);
        using Tensor x = device.Allocate(ElementType.F32, 1, 2);
        using Tensor y = device.Allocate(ElementType.F32, 1, 1);
        device.Write<float>(x, [0, 3]);
        device.SwiGlu(x, y);
        float[] result = new float[1];
        device.Read<float>(y, result);
        Assert.Equal(0f, result[0]);
        Assert.Equal(["Write", "SwiGlu", "Read"], log.Records.Select(r => r.Name));
        Assert.Equal(new OperationShape(1, 2, 1), log.Records[1].Shape);
        Assert.Equal(12, log.Records[1].Cost.Bytes);
        Assert.All(log.Records, r => Assert.True(r.Duration > TimeSpan.Zero));
    }
}
