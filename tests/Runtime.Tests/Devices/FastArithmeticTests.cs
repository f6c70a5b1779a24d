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
        [(ElementType.Q8_0, 4096 + 32), (ElementType.Q4_0, 4096 + 32)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_instruction_set_thread_count_and_split_gives_the_same_bits(ElementType type, int k)
    {
        using GgufFile file = Write(type, k);
        float[] x = [.. Enumerable.Range(0, M * k).Select(i => MathF.Sin(i * 0.7f) * (i % 97 == 0 ? 30 : 1))];
        float[]? expected = null;
        foreach ((int threads, int bits, bool machineCode) in ((int, int, bool)[])[(1, 128, false), (2, 256, false), (1, 512, false), (1, 512, true), (3, 512, true)])
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
        Assert.Equal(Int8TileCode.IsSupported, fast.Name.Contains("AVX512-VNNI", StringComparison.Ordinal));
    }

    [Fact]
    public void No_memory_is_writable_and_executable()
    {
        if (!OperatingSystem.IsLinux() || !Int8TileCode.IsSupported || Environment.GetEnvironmentVariable("DOTNET_EnableWriteXorExecute") == "0")
            Assert.Skip("Memory protection is read from Linux' /proc, and code is assembled for AVX512-VNNI only.");
        using CpuDevice device = CpuDevice.Create(threads: 1, arithmetic: Arithmetic.Fast);
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), line => line.Contains(" rwx", StringComparison.Ordinal));
    }

    private GgufFile Write(ElementType type, int k)
    {
        var writer = new GgufWriter();
        foreach ((string name, int seed) in ((string, int)[])[("a", 1), ("b", 2)])
        {
            writer.AddTensor(name, type, [N, k], stream =>
            {
                var random = new Random(seed);
                float[] values = new float[k];
                byte[] row = new byte[type.RowBytes(k)];
                for (int i = 0; i < N; i++)
                {
                    foreach (ref float value in values.AsSpan())
                        value = (random.NextSingle() - 0.5f) * 0.1f;
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
