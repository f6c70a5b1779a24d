using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Tests.Weights;
using ChainOfSpot.Runtime.Weights;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed class CpuDeviceTests
{
    public static TheoryData<int> VectorBits { get; } =
        [.. ((int[])[128, 256, 512]).Where(bits => bits <= CpuDevice.WidestVectorBits)];

    [Theory]
    [MemberData(nameof(VectorBits))]
    public void A_row_of_a_matrix_product_has_the_same_bits_in_any_company_and_on_any_number_of_threads(int vectorBits)
    {
        // More rows than are multiplied at once, a sum of more than one block.
        const int M = 700;
        const int K = 4200;
        const int N = 130;
        float[] x = [.. Enumerable.Range(0, M * K).Select(i => MathF.Sin(i * 0.7f))];
        using var folder = new TemporaryFolder();
        byte[] bytes = WeightFileBytes.Safetensors(
            $$"""{"w":{"dtype":"F16","shape":[{{N}},{{K}}],"data_offsets":[0,{{2 * N * K}}]} }""", 2 * N * K);
        HalvesOf(N * K).CopyTo(bytes, bytes.Length - (2 * N * K));
        using Checkpoint file = Checkpoint.OpenFile(folder.Write("w.safetensors", bytes));
        float[]? expected = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            using CpuDevice device = CpuDevice.Create(threads, vectorBits);
            using Weight weight = device.LoadWeight([file.Get("w")]);
            using Tensor input = device.Allocate(ElementType.F32, M, K);
            using Tensor output = device.Allocate(ElementType.F32, M, N);
            device.Write<float>(input, x);
            device.MatMul(input, weight, output);
            float[] together = new float[M * N];
            device.Read<float>(output, together);
            Assert.Equal(expected ?? together, together);
            expected = together;
            foreach ((int row, int rows) in ((int, int)[])[(0, 1), (699, 1), (5, 2), (637, 9), (100, 67)])
            {
                device.MatMul(input.Slice(row, rows), weight, output.First(rows));
                float[] alone = new float[rows * N];
                device.Read<float>(output.First(rows), alone);
                Assert.Equal(together[(row * N)..((row + rows) * N)], alone);

                int[] wanted = [N - 1, 0, 64, 7, 8, 9, 64];
                using Tensor indices = device.Allocate(ElementType.I32, wanted.Length, 1);
                using Tensor some = device.Allocate(ElementType.F32, rows, wanted.Length);
                device.Write<int>(indices, wanted);
                device.MatMulRows(input.Slice(row, rows), weight, indices, some);
                float[] few = new float[rows * wanted.Length];
                device.Read<float>(some, few);
                for (int i = 0; i < few.Length; i++)
                    Assert.Equal(alone[(i / wanted.Length * N) + wanted[i % wanted.Length]], few[i]);
            }
        }
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        using CpuDevice device = CpuDevice.Create(threads: 1);
        using Tensor tensor = device.Allocate(ElementType.F32, 3, 4);
        Assert.Throws<ArgumentException>(() => device.Write<float>(tensor, new float[13]));
        Assert.Throws<ArgumentException>(() => device.Read<float>(tensor.First(2), new float[9]));
        Assert.Throws<ArgumentException>(() => device.Write<long>(tensor, new long[7]));
        using Tensor smaller = device.Allocate(ElementType.F32, 2, 4);
        Assert.ThrowsAny<ArgumentException>(() => device.Copy(tensor, smaller));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.First(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.First(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(int.MaxValue, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(1, 2).Slice(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(1, 2).Slice(1, 2));
    }

    [Fact]
    public void A_slice_is_the_rows_that_it_names()
    {
        using CpuDevice device = CpuDevice.Create(threads: 1);
        using Tensor tensor = device.Allocate(ElementType.I32, 4, 2);
        device.Write<int>(tensor, [0, 1, 2, 3, 4, 5, 6, 7]);
        int[] read = new int[4];
        device.Read<int>(tensor.Slice(1, 3).Slice(1, 2), read);
        Assert.Equal([4, 5, 6, 7], read);
        device.Copy(tensor.First(1), tensor.Slice(3, 1));
        device.Read<int>(tensor.Slice(2, 2), read);
        Assert.Equal([4, 5, 0, 1], read);
    }

    [Fact]
    public void The_largest_values_come_first_and_ids_of_none_are_minus_one()
    {
        using CpuDevice device = CpuDevice.Create(threads: 1);
        using Tensor logits = device.Allocate(ElementType.F32, 2, 5);
        using Tensor values = device.Allocate(ElementType.F32, 2, 4);
        using Tensor ids = device.Allocate(ElementType.I32, 2, 4);
        device.Write<float>(logits, [1, 7, -2, 7, 3, float.NaN, 2, float.NaN, float.NaN, 1]);
        device.TopK(logits, values, ids);
        int[] found = new int[8];
        device.Read<int>(ids, found);
        Assert.Equal([1, 3, 4, 0, 1, 4, -1, -1], found);
        device.ArgMax(logits, ids.First(1));
        device.Read<int>(ids.First(1), found.AsSpan(0, 1));
        Assert.Equal(1, found[0]);
    }

    [Fact]
    public void More_memory_than_there_is_is_named()
    {
        using CpuDevice device = CpuDevice.Create(threads: 1);
        DeviceMemoryException tensor = Assert.Throws<DeviceMemoryException>(() => device.Allocate(ElementType.F32, 1 << 30, 1 << 20));
        Assert.Equal(1L << 52, tensor.Bytes);
        Assert.Contains("a F32 tensor [1073741824, 1048576]", tensor.Message, StringComparison.Ordinal);
        DeviceMemoryException cache = Assert.Throws<DeviceMemoryException>(() => device.AllocateKv(new KvShape(1000, 1000, 128), 1_000_000));
        Assert.Contains("1000000 cache pages", cache.Message, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => device.Allocate(ElementType.F32, int.MaxValue, int.MaxValue));
    }

    [Fact]
    public void Widths_that_this_CPU_has_not_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuDevice.Create(1, 1024));
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuDevice.Create(1, 64));
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuDevice.Create(-1));
        using CpuDevice device = CpuDevice.Create(2, 128);
        Assert.Equal((2, 128), (device.Threads, device.VectorBits));
        Assert.Contains("2 threads", device.Name, StringComparison.Ordinal);
    }

    private static byte[] HalvesOf(int count)
    {
        byte[] bytes = new byte[2 * count];
        for (int i = 0; i < count; i++)
            BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), (Half)MathF.Cos(i * 0.3f));
        return bytes;
    }
}
