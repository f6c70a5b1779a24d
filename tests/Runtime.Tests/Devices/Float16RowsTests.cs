using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed class Float16RowsTests
{
    private const int M = 7;
    private const int N = 23;

    private static readonly int[] Lengths = [1, 31, 64, 100, 1024, 1030, 4096, 4097, 11008, 13824, 15361, 17410];

    [Theory]
    [InlineData(512)]
    [InlineData(256)]
    public void Assembled_and_in_dotnet_and_among_other_rows_the_bits_are_the_same(int vectorBits)
    {
        if (!Float16RowsCode.IsSupported(vectorBits) || vectorBits > CpuDevice.WidestVectorBits)
            Assert.Skip($"This CPU widens no fp16 in vectors of {vectorBits} bits.");
        using CpuDevice assembled = CpuDevice.Create(threads: 1, vectorBits);
        using CpuDevice inDotnet = CpuDevice.Create(threads: 2, vectorBits, machineCode: false);
        foreach (int k in Lengths)
        {
            using var weights = new TestWeights((ElementType.F32, N, k), (ElementType.F16, N, k), (ElementType.BF16, N, k));
            float[] x = [.. Enumerable.Range(0, M * k).Select(i => MathF.Sin(i * 0.7f) * (i % 97 == 0 ? 30 : 1))];
            float[] together = Multiply(inDotnet, weights, x, rows: M);
            for (int row = 0; row < M; row++)
            {
                float[] alone = x[(row * k)..((row + 1) * k)];
                Assert.Equal(together[(row * 3 * N)..((row + 1) * 3 * N)], Multiply(inDotnet, weights, alone, rows: 1));
                Assert.Equal(together[(row * 3 * N)..((row + 1) * 3 * N)], Multiply(assembled, weights, alone, rows: 1));
            }
        }
    }

    private static float[] Multiply(CpuDevice device, TestWeights weights, float[] x, int rows)
    {
        using Weight weight = weights.Load(device);
        using Tensor input = device.Allocate(ElementType.F32, rows, weight.Columns);
        using Tensor output = device.Allocate(ElementType.F32, rows, weight.Rows);
        device.Write<float>(input, x);
        device.MatMul(input, weight, output);
        float[] products = new float[rows * weight.Rows];
        device.Read<float>(output, products);
        return products;
    }
}
