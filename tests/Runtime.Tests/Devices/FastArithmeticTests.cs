using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed unsafe class FastArithmeticTests : IDisposable
{
    private const int M = 29;
    private const int N = 200;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<ElementType, int> Cases =>
    [
        (ElementType.Q8_0, 4096 + 32), (ElementType.Q4_0, 4096 + 32), (ElementType.Q4_1, 352), (ElementType.Q5_0, 352), (ElementType.Q5_1, 96), (ElementType.Q2_K, 2048), (ElementType.Q3_K, 768),
        (ElementType.Q4_K, 2048), (ElementType.Q5_K, 768), (ElementType.Q6_K, 1280), (ElementType.IQ4_NL, 96), (ElementType.IQ4_XS, 1280),
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_instruction_set_thread_count_and_split_gives_the_same_bits(ElementType type, int k)
    {
        using GgufFile file = Write(k, N, type, type);
        float[] x = [.. Enumerable.Range(0, M * k).Select(i => MathF.Sin(i * 0.7f) * (i % 97 == 0 ? 30 : 1))];
        float[]? expected = null;
        foreach ((int threads, int bits, bool machineCode) in ((int, int, bool)[])[(1, 128, false), (2, 256, false), (2, 256, true), (1, 512, false), (1, 512, true), (3, 512, true)])
        {
            if (bits > CpuDevice.WidestVectorBits)
                continue;
            using CpuDevice device = CpuDevice.Create(threads, bits, Arithmetic.Fast, machineCode);
            using Weight weight = device.LoadWeight([file.Tensors["a"], file.Tensors["b"]]);
            using Tensor input = device.Allocate(ElementType.F32, M, k);
            using Tensor output = device.Allocate(ElementType.F32, M, 2 * N);
            device.Write<float>(input, x);
            device.MatMul(input, weight, output);
            float[] together = new float[M * 2 * N];
            device.Read<float>(output, together);
            Assert.Equal(expected ?? together, together);
            expected = together;
            foreach ((int row, int rows) in ((int, int)[])[(0, 1), (28, 1), (5, 2), (3, 6), (10, 13)])
            {
                device.MatMul(input.Slice(row, rows), weight, output.First(rows));
                float[] alone = new float[rows * 2 * N];
                device.Read<float>(output.First(rows), alone);
                Assert.Equal(together[(row * 2 * N)..((row + rows) * 2 * N)], alone);

                int[] wanted = [(2 * N) - 1, 0, N, N - 1, 64, 64, 33];
                using Tensor indices = device.Allocate(ElementType.I32, wanted.Length, 1);
                using Tensor some = device.Allocate(ElementType.F32, rows, wanted.Length);
                device.Write<int>(indices, wanted);
                device.MatMulRows(input.Slice(row, rows), weight, indices, some);
                float[] few = new float[rows * wanted.Length];
                device.Read<float>(some, few);
                for (int i = 0; i < few.Length; i++)
                    Assert.Equal(alone[(i / wanted.Length * 2 * N) + wanted[i % wanted.Length]], few[i]);
            }
        }
        fixed (float* a = x)
        {
            for (int i = 0; i < M * 2 * N; i += 7)
            {
                (int row, int column) = (i / (2 * N), i % (2 * N));
                var segment = new WeightSegment(file.Tensors[column < N ? "a" : "b"].Data, type, N);
                double defined = QuantizedMatMul.Output(a + (row * k), segment, column % N, k);
                Assert.Equal(defined, expected![i], 2e-5 * Math.Sqrt(k));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_largest_products_do_not_saturate(ElementType type, int k)
    {
        // In every group the largest magnitude has the sign that makes all other quants, unsigned, the largest.
        using GgufFile file = Write(k, N, i => i % 16 == 5 ? -1.04f : 1, type, type);
        float[] x = [.. Enumerable.Repeat(1f, 5 * k)];
        float[]? expected = null;
        foreach ((int bits, bool machineCode) in ((int, bool)[])[(128, false), (256, false), (256, true), (512, false), (512, true)])
        {
            if (bits > CpuDevice.WidestVectorBits)
                continue;
            using CpuDevice device = CpuDevice.Create(threads: 1, bits, Arithmetic.Fast, machineCode);
            using Weight weight = device.LoadWeight([file.Tensors["a"]]);
            using Tensor input = device.Allocate(ElementType.F32, 5, k);
            using Tensor output = device.Allocate(ElementType.F32, 5, N);
            device.Write<float>(input, x);
            device.MatMul(input, weight, output);
            float[] result = new float[5 * N];
            device.Read<float>(output, result);
            Assert.Equal(expected ?? result, result);
            expected = result;
        }
        fixed (float* a = x)
        {
            var segment = new WeightSegment(file.Tensors["a"].Data, type, N);
            for (int i = 0; i < expected!.Length; i++)
                Assert.Equal(QuantizedMatMul.Output(a, segment, i % N, k), expected[i], 2e-5 * k);
        }
    }

    [Theory]
    [InlineData(577, 588, 131)]
    [InlineData(16, 77, 3)]
    [InlineData(20, 4099, 64)]
    [InlineData(33, 11008, 65)]
    public void Rows_with_weights_of_16_bits_agree_with_the_definition_in_bf16(int m, int k, int n)
    {
        if (!BFloat16TileCode.IsSupported)
            Assert.Skip("This CPU has no AVX512-BF16.");
        using GgufFile file = Write(k, n, ElementType.F16, ElementType.BF16);
        float[] x = [.. Enumerable.Range(0, m * k).Select(i => MathF.Sin(i * 0.7f))];
        float[]? expected = null;
        foreach (int threads in (int[])[1, 3])
        {
            using CpuDevice device = CpuDevice.Create(threads, arithmetic: Arithmetic.Fast);
            using Weight weight = device.LoadWeight([file.Tensors["a"], file.Tensors["b"]]);
            using Tensor input = device.Allocate(ElementType.F32, m, k);
            using Tensor output = device.Allocate(ElementType.F32, m, 2 * n);
            device.Write<float>(input, x);
            device.MatMul(input, weight, output);
            float[] together = new float[m * 2 * n];
            device.Read<float>(output, together);
            Assert.Equal(expected ?? together, together);
            expected = together;
            device.MatMul(input.Slice(m - 16, 16), weight, output.First(16));
            float[] last = new float[16 * 2 * n];
            device.Read<float>(output.First(16), last);
            Assert.Equal(together[((m - 16) * 2 * n)..], last);
        }
        fixed (float* a = x)
        {
            for (int i = 0; i < expected!.Length; i += 11)
            {
                (int row, int column) = (i / (2 * n), i % (2 * n));
                StoredTensor tensor = file.Tensors[column < n ? "a" : "b"];
                double defined = Kernels.MatMul.BFloat16Output(a + (row * k), new WeightSegment(tensor.Data, tensor.Type, n), column % n, k);
                // K products of variance 0.5 · 0.05² / 3 added one after the other: i errs by u sqrt(i) · 0.02; five deviations.
                Assert.Equal(defined, expected[i], 5 * 6e-8 * 0.02 * k / Math.Sqrt(2) + 1e-7);
            }
        }
    }

    [Fact]
    public void The_name_says_what_multiplies()
    {
        using CpuDevice exact = CpuDevice.Create(threads: 1);
        using CpuDevice fast = CpuDevice.Create(threads: 1, arithmetic: Arithmetic.Fast);
        using CpuDevice withoutCode = CpuDevice.Create(threads: 1, arithmetic: Arithmetic.Fast, machineCode: false);
        Assert.DoesNotContain("int8", exact.Name, StringComparison.Ordinal);
        Assert.Contains("int8 by ", fast.Name, StringComparison.Ordinal);
        Assert.Contains("int8 by ", withoutCode.Name, StringComparison.Ordinal);
        Assert.DoesNotContain("AVX512-VNNI", withoutCode.Name, StringComparison.Ordinal);
        Assert.Equal(Int8TileCode.VectorBits(CpuDevice.WidestVectorBits) == 512, fast.Name.Contains("AVX512-VNNI", StringComparison.Ordinal));
    }

    [Fact]
    public void No_memory_is_writable_and_executable()
    {
        if (!OperatingSystem.IsLinux() || Int8TileCode.VectorBits(CpuDevice.WidestVectorBits) == 0 || Environment.GetEnvironmentVariable("DOTNET_EnableWriteXorExecute") == "0")
            Assert.Skip("Memory protection is read from Linux' /proc, and code is assembled for AVX2 and AVX-512 only.");
        using CpuDevice device = CpuDevice.Create(threads: 1, arithmetic: Arithmetic.Fast);
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), line => line.Contains(" rwx", StringComparison.Ordinal));
    }

    private GgufFile Write(int k, int n, params ReadOnlySpan<ElementType> types) => Write(k, n, value: null, types);

    /// <summary>Two tensors, "a" and "b", of the same value of each column in all rows, or of random ones.</summary>
    private GgufFile Write(int k, int n, Func<int, float>? value, params ReadOnlySpan<ElementType> types)
    {
        var writer = new GgufWriter();
        for (int tensor = 0; tensor < 2; tensor++)
        {
            ElementType type = types[tensor];
            var random = new Random(tensor);
            writer.AddTensor(tensor == 0 ? "a" : "b", type, [n, k], stream =>
            {
                float[] values = new float[k];
                byte[] row = new byte[type.RowBytes(k)];
                for (int i = 0; i < n; i++)
                {
                    if (type is ElementType.IQ4_NL or ElementType.IQ4_XS)
                    {
                        TestWeights.FillIQ4(type, row, random);
                        stream.Write(row);
                        continue;
                    }
                    for (int j = 0; j < k; j++)
                        values[j] = value?.Invoke(j) ?? (random.NextSingle() - 0.5f) * 0.1f;
                    fixed (float* v = values)
                    fixed (byte* r = row)
                        Quantize.Row(type, v, k, r);
                    stream.Write(row);
                }
            });
        }
        string path = _folder.Write("w.gguf", []);
        using (FileStream stream = File.Create(path))
            writer.Write(stream);
        return GgufFile.Open(path);
    }
}
