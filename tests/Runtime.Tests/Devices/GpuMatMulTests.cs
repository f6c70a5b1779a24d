using System.Runtime.InteropServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed unsafe class GpuMatMulTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<ElementType> WeightTypes { get; } =
        [.. Enum.GetValues<ElementType>().Where(type => type is not (ElementType.I32 or ElementType.I64 or ElementType.U8))];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Every_type_is_multiplied_by_every_kernel_on_the_simulated_device(ElementType type)
    {
        using GpuDevice device = GpuDevice.CreateSimulated();
        int k = type.IsQuantized() ? 256 : 45;
        Check(device, type, 1, k, 10);
        Check(device, type, 2, k, 9);
        Check(device, type, 6, k, 9);
    }

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Every_type_is_multiplied_by_every_kernel_on_the_device(ElementType type)
    {
        using GpuDevice device = PresentGpus.First();
        int k = type.IsQuantized() ? 2304 : 588;
        foreach (int m in (int[])[1, 2, 3, 33, 131])
            Check(device, type, m, k, 203);
    }

    [Theory]
    [InlineData(1, 4096, 4100, ElementType.F16)]
    [InlineData(1, 11008, 4096, ElementType.Q4_0)]
    [InlineData(1, 13824, 515, ElementType.BF16)]
    [InlineData(4, 4096, 403, ElementType.Q4_K)]
    [InlineData(3, 5120, 300, ElementType.Q6_K)]
    [InlineData(40, 4096, 1500, ElementType.Q8_0)]
    [InlineData(577, 1024, 1024, ElementType.F16)]
    [InlineData(577, 4096, 100, ElementType.F32)]
    [InlineData(640, 4096, 300, ElementType.F16)]
    [InlineData(130, 11008, 100, ElementType.Q4_K)]
    public void Real_shapes_agree_with_the_definition_in_double(int m, int k, int n, ElementType type)
    {
        using GpuDevice device = PresentGpus.First();
        Check(device, type, m, k, n);
    }

    [Theory]
    [InlineData(ElementType.F16, 6, 45, 9)]
    [InlineData(ElementType.F16, 70, 160, 131)]
    [InlineData(ElementType.F16, 6, 544, 5)]
    [InlineData(ElementType.F16, 50, 96, 70)]
    [InlineData(ElementType.BF16, 6, 45, 9)]
    [InlineData(ElementType.Q8_0, 6, 544, 5)]
    [InlineData(ElementType.Q4_K, 6, 256, 9)]
    public void Simulated_tensor_cores_stay_within_their_bound(ElementType type, int m, int k, int n)
    {
        // 544 columns are split between two groups.
        using GpuDevice device = GpuDevice.CreateSimulated(Arithmetic.Fast);
        Check(device, type, m, k, n);
    }

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Every_type_is_multiplied_on_tensor_cores_within_their_bound(ElementType type)
    {
        using GpuDevice device = PresentGpus.WithTensorCores();
        int k = type.IsQuantized() ? 2304 : 588;
        foreach (int m in (int[])[5, 33, 131])
            Check(device, type, m, k, 203);
    }

    [Theory]
    [InlineData(5, 11008, 515, ElementType.F16)]
    [InlineData(8, 4096, 4096, ElementType.F16)]
    [InlineData(40, 4096, 1500, ElementType.Q8_0)]
    [InlineData(64, 4096, 300, ElementType.Q4_K)]
    [InlineData(577, 1024, 1024, ElementType.F16)]
    [InlineData(640, 4096, 300, ElementType.F16)]
    [InlineData(130, 11008, 100, ElementType.Q4_0)]
    public void Real_shapes_on_tensor_cores_stay_within_their_bound(int m, int k, int n, ElementType type)
    {
        using GpuDevice device = PresentGpus.WithTensorCores();
        Check(device, type, m, k, n);
    }

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Weights_take_the_memory_that_they_are_stored_in(ElementType type)
    {
        const int K = 512;
        const int N = 24;
        using GpuDevice device = GpuDevice.CreateSimulated();
        using GgufFile file = Weights([(type, N)], K, out _);
        using Weight weight = device.LoadWeight([.. file.Tensors.Values]);
        // Rows begin at multiples of 16 bytes.
        long row = (type.RowBytes(K) + 15) / 16 * 16;
        Assert.Equal(N * row, device.AllocatedBytes);
    }

    [Theory]
    [InlineData(1, 32)]
    [InlineData(5, 32)]
    [InlineData(5, 544)]
    public void Bias_activation_and_residual_follow_in_this_order_over_parts_of_two_types(int m, int k)
    {
        // 544 columns are 17 groups of 32: two groups of threads share them, unevenly.
        using GpuDevice device = GpuDevice.CreateSimulated();
        using GgufFile file = Weights([(ElementType.F16, 7), (ElementType.F16, 3), (ElementType.Q8_0, 6)], k, out float[][] parts);
        float[] rows = [.. parts.SelectMany(part => part)];
        int n = rows.Length / k;
        using Weight weight = device.LoadWeight([.. file.Tensors.Values]);
        float[] x = Random(m * k, 3);
        float[] bias = Random(n, 4);
        float[] residual = Random(m * n, 5);
        using Tensor input = device.Allocate(ElementType.F32, m, k);
        using Tensor output = device.Allocate(ElementType.F32, m, n);
        using Tensor biases = device.Allocate(ElementType.F32, 1, n);
        device.Write<float>(input, x);
        device.Write<float>(biases, bias);
        foreach (MatMulActivation activation in Enum.GetValues<MatMulActivation>())
        {
            device.Write<float>(output, residual);
            device.MatMul(input, weight, output, biases, activation, output);
            float[] actual = new float[m * n];
            device.Read<float>(output, actual);
            for (int i = 0; i < actual.Length; i++)
            {
                double value = Define(x, rows, i / n, i % n, k) + bias[i % n];
                double expected = residual[i] + activation switch
                {
                    MatMulActivation.QuickGelu => value / (1 + Math.Exp(-1.702 * value)),
                    MatMulActivation.Gelu => GeluInDouble(value),
                    _ => value,
                };
                Assert.Equal(expected, actual[i], 5e-6 * k / 32);
            }
        }
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.Q4_K)]
    public void Rows_that_lie_in_pairs_are_multiplied_in_the_order_of_the_outputs(ElementType type)
    {
        const int K = 256;
        const int N = 16;
        using GpuDevice device = GpuDevice.CreateSimulated();
        using GgufFile file = Weights([(type, N)], K, out float[][] rows);
        StoredTensor paired = file.Tensors.Values.Single().WithPairedRows(8);
        using Weight weight = device.LoadWeight([paired]);
        float[] x = Random(K, 3);
        using Tensor input = device.Allocate(ElementType.F32, 1, K);
        using Tensor output = device.Allocate(ElementType.F32, 1, N);
        device.Write<float>(input, x);
        device.MatMul(input, weight, output);
        float[] actual = new float[N];
        device.Read<float>(output, actual);
        for (int i = 0; i < N; i++)
        {
            int stored = (i / 8 * 8) + (2 * (i % 4)) + (i % 8 / 4);
            Assert.Equal(Define(x, rows[0], 0, stored, K), actual[i], 1e-4);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void Some_outputs_have_the_bits_of_all_of_them(int m)
    {
        const int K = 64;
        using GpuDevice device = GpuDevice.CreateSimulated();
        using GgufFile file = Weights([(ElementType.F16, 7), (ElementType.Q8_0, 6)], K, out _);
        using Weight weight = device.LoadWeight([.. file.Tensors.Values]);
        int[] wanted = [9, 0, 6, 7, 12, 3, 3, 8, 1, 2];
        using Tensor input = device.Allocate(ElementType.F32, m, K);
        using Tensor all = device.Allocate(ElementType.F32, m, weight.Rows);
        using Tensor some = device.Allocate(ElementType.F32, m, wanted.Length);
        using Tensor rows = device.Allocate(ElementType.I32, wanted.Length, 1);
        device.Write<float>(input, Random(m * K, 3));
        device.Write<int>(rows, wanted);
        // At most four rows at once: more are multiplied by another kernel, in another order.
        for (int row = 0; row < m; row += 4)
            device.MatMul(input.Slice(row, Math.Min(4, m - row)), weight, all.Slice(row, Math.Min(4, m - row)));
        device.MatMulRows(input, weight, rows, some);
        float[] expected = new float[m * weight.Rows];
        float[] actual = new float[m * wanted.Length];
        device.Read<float>(all, expected);
        device.Read<float>(some, actual);
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(expected[(i / wanted.Length * weight.Rows) + wanted[i % wanted.Length]], actual[i]);
    }

    [Fact]
    public void Memory_of_packed_weights_is_given_back()
    {
        using GpuDevice device = GpuDevice.CreateSimulated();
        using GgufFile file = Weights([(ElementType.Q6_K, 5)], 256, out _);
        device.LoadWeight([.. file.Tensors.Values]).Dispose();
        Assert.Equal(0, device.AllocatedBytes);
    }

    /// <summary>Compares up to 512 outputs with sums in double, and the bits of two calls.</summary>
    private void Check(GpuDevice device, ElementType type, int m, int k, int n)
    {
        using GgufFile file = Weights([(type, n)], k, out float[][] rows);
        using Weight weight = device.LoadWeight([.. file.Tensors.Values]);
        float[] x = Random((long)m * k, 7);
        using Tensor input = device.Allocate(ElementType.F32, m, k);
        using Tensor output = device.Allocate(ElementType.F32, m, n);
        device.Write<float>(input, x);
        float[] first = Multiply();
        float[] second = Multiply();
        Assert.True(MemoryMarshal.AsBytes<float>(first).SequenceEqual(MemoryMarshal.AsBytes<float>(second)), "Two calls differ in their bits.");

        // As for the CPU: a sum of n roundings of products of variance 1/9 has an error of standard deviation 8e-9 n; the kernels
        // for up to four rows add 32 such sums. Seven of them are allowed.
        double length = m <= 4 ? Math.Max(k / 32.0, 1) : k;
        double fp32Bound = (7 * 8e-9 * Math.Sqrt(k * length)) + (6e-8 * Math.Sqrt(k)) + 2e-7;
        var random = new Random(1);
        for (int i = 0; i < 512; i++)
        {
            int row = random.Next(m);
            int column = random.Next(n);
            double bound = fp32Bound + (device.Arithmetic == Arithmetic.Fast ? HalvesBound(type, x, rows[0], row, column, k) : 0);
            Assert.InRange(first[(row * n) + column] - Define(x, rows[0], row, column, k), -bound, bound);
        }

        float[] Multiply()
        {
            device.MatMul(input, weight, output);
            float[] values = new float[m * n];
            device.Read<float>(output, values);
            return values;
        }
    }

    /// <summary>What docs/numerics.md says of products whose operands are rounded to fp16.</summary>
    private static double HalvesBound(ElementType type, float[] x, float[] weights, int row, int column, int k)
    {
        double sizes = 0;
        for (int i = 0; i < k; i++)
            sizes += Math.Abs((double)x[(row * k) + i] * weights[(column * k) + i]);
        double operands = (type == ElementType.F16 ? 0.5 : 1) * sizes / 1024;
        double subnormals = 2.0 * k / (1 << 25);
        double additions = k / 16.0 * sizes / (1 << 23);
        return operands + subnormals + additions;
    }

    /// <summary>A file with tensors of these types and rows, and their weights.</summary>
    private GgufFile Weights((ElementType Type, int Rows)[] parts, int columns, out float[][] weights)
    {
        var writer = new GgufWriter();
        weights = new float[parts.Length][];
        for (int i = 0; i < parts.Length; i++)
        {
            (ElementType type, int rows) = parts[i];
            byte[] stored = Stored(type, rows, columns, seed: 11 + i);
            weights[i] = new float[rows * columns];
            fixed (byte* source = stored)
            {
                fixed (float* target = weights[i])
                    Dequantize.Row(type, source, weights[i].Length, target);
            }
            writer.AddTensor($"w{i}", type, [rows, columns], stream => stream.Write(stored));
        }
        string path = _folder.Write($"{Guid.NewGuid()}.gguf", []);
        using (FileStream stream = File.Create(path))
            writer.Write(stream);
        return GgufFile.Open(path);
    }

    private static byte[] Stored(ElementType type, int rows, int columns, int seed)
    {
        byte[] stored = new byte[type.RowBytes((long)rows * columns)];
        if (type is ElementType.IQ4_NL or ElementType.IQ4_XS)
        {
            TestWeights.FillIQ4(type, stored, new Random(seed));
            return stored;
        }
        float[] values = Random((long)rows * columns, seed);
        fixed (float* source = values)
        {
            fixed (byte* target = stored)
                Quantize.Row(type, source, values.Length, target);
        }
        return stored;
    }

    private static float[] Random(long count, int seed)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (long i = 0; i < count; i++)
            values[i] = (random.NextSingle() * 2) - 1;
        return values;
    }

    private static double Define(float[] x, float[] weights, int row, int column, int k)
    {
        double sum = 0;
        for (int i = 0; i < k; i++)
            sum += (double)x[(row * k) + i] * weights[(column * k) + i];
        return sum;
    }

    private static double GeluInDouble(double x)
    {
        // The normal distribution's integral by Simpson's rule.
        const int Steps = 2000;
        double sum = 0;
        for (int i = 0; i <= Steps; i++)
        {
            double t = x * i / Steps;
            sum += Math.Exp(-t * t / 2) * (i is 0 or Steps ? 1 : i % 2 == 1 ? 4 : 2);
        }
        return x * (0.5 + (sum * x / Steps / 3 / Math.Sqrt(2 * Math.PI)));
    }
}
