using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed class GpuDeviceTests
{
    [Fact]
    public void Memory_that_was_taken_is_given_back()
    {
        using GpuDevice device = GpuDevice.CreateSimulated();
        Tensor tensor = device.Allocate(ElementType.F32, 3, 5);
        KvPool pool = device.AllocateKv(new KvShape(2, 3, 8), 4);
        Assert.Equal(60 + (2 * sizeof(float) * 2 * 3 * 8 * 64 * 4), device.AllocatedBytes);
        tensor.Dispose();
        tensor.Dispose();
        pool.Dispose();
        Assert.Equal(0, device.AllocatedBytes);
    }

    [Fact]
    public void What_is_written_is_read_and_copied()
    {
        using GpuDevice device = GpuDevice.CreateSimulated();
        using Tensor tensor = device.Allocate(ElementType.I32, 4, 2);
        device.Write<int>(tensor, [0, 1, 2, 3, 4, 5, 6, 7]);
        device.Copy(tensor.First(1), tensor.Slice(3, 1));
        int[] read = new int[4];
        device.Read<int>(tensor.Slice(2, 2), read);
        Assert.Equal([4, 5, 0, 1], read);
    }
}
