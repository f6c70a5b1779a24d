using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <content>Attention and the key-value cache.</content>
public abstract partial class DeviceSuite
{
    /// <summary>Heads, kv heads, columns of a head, and of each sequence how many positions are cached and how many rows are added.</summary>
    public static TheoryData<int, int, int, int[]> Steps { get; } = new()
    {
        // One token of one sequence; of several, one of which has only just begun; a head of more columns than 64.
        { 2, 2, 16, [70, 1] },
        { 4, 2, 8, [5, 1, 130, 1, 0, 1] },
        { 1, 1, 80, [63, 2] },
        // Tiles: a prompt in one go, the second part of one, several sequences that meet in a tile.
        { 2, 1, 8, [0, 40] },
        { 1, 1, 8, [60, 37] },
        { 1, 1, 8, [3, 1, 0, 33, 70, 2] },
        { 1, 1, 72, [10, 34] },
    };

    /// <summary>Shapes that take too long where every thread is simulated.</summary>
    public static TheoryData<int, int, int, int[]> LongSteps { get; } = new()
    {
        { 2, 2, 128, [1299, 1] },
        { 4, 2, 128, [300, 22, 600, 1] },
        { 2, 2, 128, [577, 300] },
        { 8, 2, 64, [0, 100, 40, 100, 256, 1, 255, 1] },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void Rotation_append_and_attention(int heads, int kvHeads, int headDim, int[] sequences) =>
        Agree(2e-5f, device => Attended(device, heads, kvHeads, headDim, sequences));

    [Theory]
    [MemberData(nameof(LongSteps))]
    public void Rotation_append_and_attention_over_long_contexts(int heads, int kvHeads, int headDim, int[] sequences)
    {
        Assert.SkipWhen(_holder.IsSimulated, "Too long for a simulated device.");
        Agree(2e-5f, device => Attended(device, heads, kvHeads, headDim, sequences));
    }

    [Theory]
    [InlineData(4, 2, 16, 70, 3)]
    [InlineData(1, 1, 80, 10, 40)]
    public void A_cache_in_8_bits(int heads, int kvHeads, int headDim, int before, int rows) =>
        // Where a device divides with another last bit, a number may be rounded to the neighbour.
        Agree(5e-3f, device => Attended(device, heads, kvHeads, headDim, [before, rows, 0, 1], KvElement.Q8));

    [Fact]
    public void A_cache_in_halves_where_the_device_has_one()
    {
        if (Device is not CpuDevice)
        {
            NotSupportedException error = Assert.Throws<NotSupportedException>(() => Attended(Device, 4, 2, 16, [70, 3], KvElement.F16));
            Assert.Contains("F16", error.Message, StringComparison.Ordinal);
            return;
        }
        Agree(5e-3f, device => Attended(device, 4, 2, 16, [70, 3, 0, 1], KvElement.F16));
    }

    [Fact]
    public void A_token_sees_the_same_alone_and_at_the_end_of_a_tile()
    {
        float[] together = Attended(Device, 2, 2, 16, [0, 40]);
        float[] alone = Attended(Device, 2, 2, 16, [39, 1]);
        for (int i = 0; i < 32; i++)
            Assert.Equal(together[^(32 - i)], alone[^(32 - i)], 2e-5f);
    }

    [Theory]
    [InlineData(1, 1, 10, 8)]
    [InlineData(2, 1, 70, 8)]
    [InlineData(3, 2, 20, 16)]
    public void Full_attention(int pictures, int heads, int rows, int headDim) =>
        Agree(2e-5f, device => FullyAttended(device, pictures, heads, rows, headDim));

    [Theory]
    [InlineData(2, 2, 577, 64)]
    [InlineData(1, 1, 257, 128)]
    public void Full_attention_of_whole_pictures(int pictures, int heads, int rows, int headDim)
    {
        Assert.SkipWhen(_holder.IsSimulated, "Too long for a simulated device.");
        Agree(2e-5f, device => FullyAttended(device, pictures, heads, rows, headDim));
    }

    /// <summary>As <see cref="Steps"/>, of more rows than are split.</summary>
    public static TheoryData<int, int, int, int[]> TensorSteps { get; } = new()
    {
        { 2, 1, 8, [0, 40] },
        { 1, 1, 8, [60, 37] },
        { 1, 1, 8, [3, 1, 0, 33, 70, 2] },
        { 1, 1, 72, [10, 58] },
    };

    [Theory]
    [MemberData(nameof(TensorSteps))]
    public void Attention_on_tensor_cores(int heads, int kvHeads, int headDim, int[] sequences) =>
        AgreeOnTensorCores(headDim, 1, device => Attended(device, heads, kvHeads, headDim, sequences));

    [Theory]
    [InlineData(1, 2, 40, 8)]
    [InlineData(2, 1, 70, 8)]
    [InlineData(1, 1, 65, 72)]
    public void Full_attention_on_tensor_cores(int pictures, int heads, int rows, int headDim) =>
        AgreeOnTensorCores(headDim, 2, device => FullyAttended(device, pictures, heads, rows, headDim));

    [Fact]
    public void A_cache_in_8_bits_on_tensor_cores() =>
        // The queries' neighbours in the cache are 1/254 of the largest apart.
        AgreeOnTensorCores(8, 1, device => Attended(device, 2, 1, 8, [3, 35], KvElement.Q8), 5e-3);

    [Theory]
    [MemberData(nameof(LongSteps))]
    public void Attention_on_tensor_cores_over_long_contexts(int heads, int kvHeads, int headDim, int[] sequences)
    {
        Assert.SkipWhen(_holder.IsSimulated, "Too long for a simulated device.");
        AgreeOnTensorCores(headDim, 1, device => Attended(device, heads, kvHeads, headDim, sequences));
    }

    [Theory]
    [InlineData(2, 2, 577, 64)]
    [InlineData(1, 1, 257, 128)]
    public void Full_attention_of_whole_pictures_on_tensor_cores(int pictures, int heads, int rows, int headDim)
    {
        Assert.SkipWhen(_holder.IsSimulated, "Too long for a simulated device.");
        AgreeOnTensorCores(headDim, 2, device => FullyAttended(device, pictures, heads, rows, headDim));
    }

    /// <summary>
    /// Within what docs/numerics.md says of attention in fp16, of numbers up to <paramref name="largest"/>: |q| |k| / sqrt(d), which
    /// bounds the sum of |q k| / sqrt(d), is then about sqrt(d) / 3 largest².
    /// </summary>
    private void AgreeOnTensorCores(int headDim, double largest, Func<Device, float[]> operation, double more = 0)
    {
        Assert.SkipUnless(Device is GpuDevice { HasTensorCores: true }, $"{Device.Name} has no tensor cores.");
        var gpu = (GpuDevice)Device;
        double scores = 1.5 * Math.Sqrt(headDim) / 3 * largest * largest / 1024;
        double bound = ((2 * (Math.Exp(scores) - 1)) + (1.0 / 1024)) * largest;
        gpu.AttentionOnTensorCores = true;
        try
        {
            Agree((float)(bound + more), operation);
        }
        finally
        {
            gpu.AttentionOnTensorCores = false;
        }
    }

    [Theory]
    [InlineData(KvElement.F32)]
    [InlineData(KvElement.Q8)]
    public void A_copied_page_serves_like_the_first(KvElement element)
    {
        const int HeadDim = 8;
        const int Positions = 10;
        using KvPool pool = Device.AllocateKv(new KvShape(2, 1, HeadDim, element), 4);
        using RopeTable rope = Device.BuildRope(10000, HeadDim, 64);
        using Tensor qkv = Filled(Device, Positions, 3 * HeadDim, 11);
        using Tensor output = Device.Allocate(ElementType.F32, 1, HeadDim);
        using var original = new Rows(Device, [2], Enumerable.Range(0, Positions));
        Device.RopeAppend(qkv, original.Placement, rope, pool, 1);
        Device.CopyPage(pool, 2, 0, Positions - 1);
        using var last = new Rows(Device, [2], [Positions - 2]);
        using var copy = new Rows(Device, [0], [Positions - 2]);
        Device.Attention(qkv.First(1), last.Placement, pool, 1, output);
        float[] expected = Floats(Device, output);
        Device.Attention(qkv.First(1), copy.Placement, pool, 1, output);
        Assert.Equal(expected, Floats(Device, output));
        Assert.Contains(expected, value => value != 0);
    }

    /// <summary>
    /// The rotated rows and the attention of the last step of some sequences; what stands before was appended in a step of its own.
    /// Their pages are scattered.
    /// </summary>
    private static float[] Attended(Device device, int heads, int kvHeads, int headDim, int[] sequences, KvElement element = KvElement.F32)
    {
        int count = sequences.Length / 2;
        int mostPages = 0;
        for (int s = 0; s < count; s++)
            mostPages = Math.Max(mostPages, (sequences[2 * s] + sequences[(2 * s) + 1] + 63) / 64);
        int pages = count * mostPages;
        int[] table = [.. Enumerable.Range(0, pages).Select(page => ((page * 7) + 3) % pages)];
        if (table.Distinct().Count() < pages)
            table = [.. Enumerable.Range(0, pages).Reverse()];
        using KvPool pool = device.AllocateKv(new KvShape(2, kvHeads, headDim, element), pages);
        using RopeTable rope = device.BuildRope(10000, headDim, mostPages * 64);
        int width = (heads + (2 * kvHeads)) * headDim;

        // Every position of a sequence holds the same numbers, in whichever step it is appended.
        Tensor Qkv(Func<int, (int First, int Rows)> range)
        {
            float[] values = [.. Enumerable.Range(0, count).SelectMany(s =>
                Values((sequences[2 * s] + sequences[(2 * s) + 1]) * width, 100 + s).AsSpan(range(s).First * width, range(s).Rows * width).ToArray())];
            Tensor tensor = device.Allocate(ElementType.F32, Math.Max(1, values.Length / width), width);
            device.Write<float>(tensor, values);
            return tensor;
        }

        int before = Enumerable.Range(0, count).Sum(s => sequences[2 * s]);
        if (before > 0)
        {
            using Tensor cached = Qkv(s => (0, sequences[2 * s]));
            using var cachedRows = new Rows(device, table, [.. Enumerable.Range(0, count).Select(s => Enumerable.Range(0, sequences[2 * s]))]);
            device.RopeAppend(cached, cachedRows.Placement, rope, pool, 1);
        }
        using Tensor qkv = Qkv(s => (sequences[2 * s], sequences[(2 * s) + 1]));
        using var rows = new Rows(device, table, [.. Enumerable.Range(0, count).Select(s => Enumerable.Range(sequences[2 * s], sequences[(2 * s) + 1]))]);
        using Tensor output = device.Allocate(ElementType.F32, qkv.Rows, heads * headDim);
        device.RopeAppend(qkv, rows.Placement, rope, pool, 1);
        device.Attention(qkv, rows.Placement, pool, 1, output);
        return [.. Floats(device, qkv), .. Floats(device, output)];
    }

    private static float[] FullyAttended(Device device, int pictures, int heads, int rows, int headDim)
    {
        using Tensor qkv = Filled(device, pictures * rows, 3 * heads * headDim, 12, scale: 2);
        using Tensor output = device.Allocate(ElementType.F32, pictures * rows, heads * headDim);
        device.FullAttention(qkv, rows, heads, output);
        return Floats(device, output);
    }

    /// <summary>Rows of a step in device memory.</summary>
    private sealed class Rows : IDisposable
    {
        private readonly Tensor _positions;
        private readonly Tensor _sequences;
        private readonly Tensor _table;

        public Rows(Device device, int[] table, params IEnumerable<int>[] positions)
        {
            int[] all = [.. positions.SelectMany(p => p)];
            _positions = device.Allocate(ElementType.I32, all.Length, 1);
            _sequences = device.Allocate(ElementType.I32, all.Length, 1);
            _table = device.Allocate(ElementType.I32, positions.Length, table.Length / positions.Length);
            device.Write<int>(_positions, all);
            device.Write<int>(_sequences, [.. positions.SelectMany((p, sequence) => p.Select(_ => sequence))]);
            device.Write<int>(_table, table);
        }

        public RaggedRows Placement => new(_positions, _sequences, _table);

        public void Dispose()
        {
            _positions.Dispose();
            _sequences.Dispose();
            _table.Dispose();
        }
    }
}
