using System.Globalization;
using System.Runtime.InteropServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <summary>
/// What every device does alike: each operation against the narrowest vectors of the CPU on one thread, whose kernels are held
/// against their definitions in Kernels.Tests.
/// </summary>
public abstract partial class DeviceSuite
{
    private readonly DeviceHolder _holder;

    protected DeviceSuite(DeviceHolder holder)
    {
        _holder = holder;
        TestContext.Current.TestOutputHelper?.WriteLine($"device: {Device.Name}");
    }

    private Device Device => _holder.Device;

    [Fact]
    public void What_is_written_is_read_and_copied()
    {
        using Tensor tensor = Device.Allocate(ElementType.I32, 4, 2);
        Device.Write<int>(tensor, [0, 1, 2, 3, 4, 5, 6, 7]);
        Device.Copy(tensor.First(1), tensor.Slice(3, 1));
        int[] read = new int[4];
        Device.Read<int>(tensor.Slice(1, 3).Slice(1, 2), read);
        Assert.Equal([4, 5, 0, 1], read);
        using Tensor smaller = Device.Allocate(ElementType.I32, 2, 2);
        Assert.ThrowsAny<ArgumentException>(() => Device.Copy(tensor, smaller));
        Assert.ThrowsAny<ArgumentException>(() => Device.Write<int>(smaller, new int[5]));
        Assert.ThrowsAny<ArgumentException>(() => Device.Read<int>(smaller, new int[5]));
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(3, 300)]
    public void Norms(int rows, int columns)
    {
        Agree(1e-5f, device =>
        {
            using Tensor x = Filled(device, rows, columns, 1);
            using Tensor weight = Filled(device, 1, columns, 2);
            using Tensor bias = Filled(device, 1, columns, 3);
            using Tensor output = device.Allocate(ElementType.F32, rows, columns);
            device.LayerNorm(x, weight, bias, 1e-5f, output);
            float[] layerNorm = Floats(device, output);
            device.RmsNorm(x, weight, 1e-5f, output);
            return [.. layerNorm, .. Floats(device, output)];
        });
    }

    [Fact]
    public void SwiGlu() => Agree(1e-6f, device =>
    {
        using Tensor gateUp = Filled(device, 3, 2 * 270, 4, scale: 20);
        using Tensor output = device.Allocate(ElementType.F32, 3, 270);
        device.SwiGlu(gateUp, output);
        return Floats(device, output);
    });

    [Fact]
    public void Rows_are_gathered() => Agree(0, device =>
    {
        using Tensor source = Filled(device, 5, 300, 5);
        using Tensor ids = device.Allocate(ElementType.I32, 4, 1);
        using Tensor output = device.Allocate(ElementType.F32, 4, 300);
        device.Write<int>(ids, [4, 0, 0, 3]);
        device.GatherRows(source.Slice(0, 5), ids, output);
        return Floats(device, output);
    });

    [Fact]
    public void Patches_are_cut() => Agree(0, device =>
    {
        using Tensor pixels = Filled(device, 1, 3 * 12 * 12, 6);
        using Tensor patches = device.Allocate(ElementType.F32, 9, 3 * 4 * 4);
        device.ExtractPatches(pixels, 12, 4, patches);
        return Floats(device, patches);
    });

    /// <summary>The types that weights can be quantised to, and the plain ones.</summary>
    public static TheoryData<ElementType> WeightTypes { get; } =
        [.. Enum.GetValues<ElementType>().Where(type => type is not (ElementType.I32 or ElementType.I64 or ElementType.U8 or ElementType.IQ4_NL or ElementType.IQ4_XS))];

    [Theory]
    [MemberData(nameof(WeightTypes))]
    public void Tokens_are_embedded(ElementType type)
    {
        int columns = type.IsQuantized() ? 512 : 300;
        using TestWeights weights = new((type, 7, columns));
        // A GPU may fuse the multiply and add of a block's scale and minimum.
        Agree(type.IsQuantized() ? 1e-6f : 0, device =>
        {
            using Weight table = weights.Load(device);
            using Tensor ids = device.Allocate(ElementType.I32, 3, 1);
            using Tensor output = device.Allocate(ElementType.F32, 3, columns);
            device.Write<int>(ids, [6, 0, 2]);
            device.EmbedTokens(table, ids, output);
            return Floats(device, output);
        });
    }

    [Theory]
    [InlineData(ElementType.F32, ElementType.F32, 1)]
    [InlineData(ElementType.F16, ElementType.F16, 1)]
    [InlineData(ElementType.BF16, ElementType.F16, 5)]
    [InlineData(ElementType.F32, ElementType.BF16, 5)]
    [InlineData(ElementType.F16, ElementType.F16, 37)]
    public void Matrix_products(ElementType first, ElementType second, int rows)
    {
        int k = _holder.IsSimulated ? 36 : 1100;
        using TestWeights weights = new((first, 10, k), (second, 70, k));
        foreach (MatMulActivation activation in Enum.GetValues<MatMulActivation>())
        {
            // A sum of 1100 products of numbers up to 1 is some tens in size.
            Agree(5e-5f, device =>
            {
                using Weight weight = weights.Load(device);
                using Tensor x = Filled(device, rows + 1, k, 7);
                using Tensor bias = Filled(device, 1, weight.Rows, 8);
                using Tensor output = Filled(device, rows + 1, weight.Rows, 9);
                TensorView y = output.Slice(1, rows);
                device.MatMul(x.Slice(1, rows), weight, y, bias, activation, residual: y);
                device.MatMul(x.First(1), weight, output.First(1), activation: activation);
                return Floats(device, output);
            });
        }
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.Q4_K)]
    public void Some_rows_of_a_matrix_product(ElementType type)
    {
        using TestWeights weights = new((type, 10, 512), (ElementType.F32, 4, 512));
        Agree(5e-5f, device =>
        {
            using Weight weight = weights.Load(device);
            using Tensor x = Filled(device, 2, 512, 13);
            using Tensor rows = device.Allocate(ElementType.I32, 4, 1);
            using Tensor output = device.Allocate(ElementType.F32, 2, 4);
            device.Write<int>(rows, [9, 0, 13, 10]);
            device.MatMulRows(x, weight, rows, output);
            return Floats(device, output);
        });
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        using TestWeights weights = new((ElementType.F32, 4, 8));
        using Weight weight = weights.Load(Device);
        using Tensor x = Device.Allocate(ElementType.F32, 2, 8);
        using Tensor narrow = Device.Allocate(ElementType.F32, 2, 3);
        Assert.ThrowsAny<ArgumentException>(() => Device.MatMul(x, weight, narrow));
    }

    [Theory]
    [InlineData(40, 30, 8, 2, 30, 20, 17)]
    [InlineData(23, 37, -5, -4, 60, 41, 20)]
    [InlineData(9, 5, 0, 0, 9, 9, 33)]
    [InlineData(300, 200, 10, 50, 290, 260, 16)]
    [InlineData(31, 17, 0, 0, 31, 3, 16)]
    public void A_crop_has_the_same_bytes_and_pixels(int width, int height, int left, int top, int right, int bottom, int side)
    {
        ResampleGeometry geometry = ResampleGeometry.Crop(width, height, new PixelBox(left, top, right, bottom), side);
        byte[] picture = [.. Enumerable.Range(0, 3 * width * height).Select(i => (byte)((i * 37) + (i * i / 91)))];
        float[] levels = new float[3 * 256];
        CropResize.NormalizedLevels([0.48f, 0.46f, 0.41f], [0.27f, 0.26f, 0.28f], levels);
        Agree(0, device =>
        {
            using Tensor source = device.Allocate(ElementType.U8, height, 3 * width);
            using Tensor table = device.Allocate(ElementType.F32, 3, 256);
            using Tensor resized = device.Allocate(ElementType.U8, side, 3 * side);
            using Tensor pixels = device.Allocate(ElementType.F32, 1, 3 * side * side);
            device.Write<byte>(source, picture);
            device.Write<float>(table, levels);
            device.CropResize(source, geometry, table, resized, pixels);
            byte[] bytes = new byte[3 * side * side];
            device.Read<byte>(resized, bytes);
            return [.. bytes.Select(b => (float)b), .. Floats(device, pixels)];
        });
    }

    [Fact]
    public void The_largest_values_come_first_and_ids_of_none_are_minus_one()
    {
        float nan = float.NaN;
        using Tensor logits = Device.Allocate(ElementType.F32, 3, 5);
        using Tensor values = Device.Allocate(ElementType.F32, 3, 4);
        using Tensor ids = Device.Allocate(ElementType.I32, 3, 4);
        using Tensor best = Device.Allocate(ElementType.I32, 3, 1);
        Device.Write<float>(logits, [1, 7, -2, 7, 3, nan, 2, nan, nan, 1, nan, nan, nan, nan, nan]);
        Device.TopK(logits, values, ids);
        int[] found = new int[12];
        Device.Read<int>(ids, found);
        Assert.Equal([1, 3, 4, 0, 1, 4, -1, -1, -1, -1, -1, -1], found);
        Assert.Equal([7f, 7, 3, 1, 2, 1], Floats(Device, values)[..6]);
        Device.ArgMax(logits, best);
        int[] largest = new int[3];
        Device.Read<int>(best, largest);
        Assert.Equal([1, 1, -1], largest);
    }

    [Fact]
    public void The_largest_of_many() => Agree(0, device =>
    {
        using Tensor logits = Filled(device, 2, 1003, 10);
        using Tensor values = device.Allocate(ElementType.F32, 2, 7);
        using Tensor ids = device.Allocate(ElementType.I32, 2, 7);
        device.TopK(logits, values, ids);
        int[] found = new int[14];
        device.Read<int>(ids, found);
        return [.. Floats(device, values), .. found.Select(id => (float)id)];
    });

    [Fact]
    public void Memory_is_given_back()
    {
        if (Device is not GpuDevice gpu)
            return;
        long before = gpu.AllocatedBytes;
        using (Device.Allocate(ElementType.F32, 3, 5))
        using (Device.AllocateKv(new KvShape(2, 3, 8), 4))
            Assert.Equal(before + 60 + (2 * sizeof(float) * 2 * 3 * 8 * 64 * 4), gpu.AllocatedBytes);
        Assert.Equal(before, gpu.AllocatedBytes);
    }

    /// <summary>
    /// Runs an operation on the device and on the reference: equal within <paramref name="tolerance"/>, of values above 1 of them;
    /// and again on the device: the same bits.
    /// </summary>
    private void Agree(float tolerance, Func<Device, float[]> operation)
    {
        using CpuDevice reference = CpuDevice.Create(threads: 1, vectorBits: 128);
        float[] expected = operation(reference);
        float[] actual = operation(Device);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            bool close = Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i]));
            Assert.True(close, string.Create(CultureInfo.InvariantCulture, $"Value {i} is {actual[i]}, expected {expected[i]} within {tolerance}."));
        }
        Assert.True(MemoryMarshal.AsBytes<float>(actual).SequenceEqual(MemoryMarshal.AsBytes<float>(operation(Device))), "Another run gave other bits.");
    }

    private static float[] Values(int count, int seed, float scale = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => ((random.NextSingle() * 2) - 1) * scale)];
    }

    private static Tensor Filled(Device device, int rows, int columns, int seed, float scale = 1)
    {
        Tensor tensor = device.Allocate(ElementType.F32, rows, columns);
        device.Write<float>(tensor, Values(rows * columns, seed, scale));
        return tensor;
    }

    private static float[] Floats(Device device, TensorView view)
    {
        float[] values = new float[view.Rows * view.Columns];
        device.Read<float>(view, values);
        return values;
    }
}
