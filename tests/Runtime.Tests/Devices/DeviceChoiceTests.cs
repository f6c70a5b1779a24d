using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Platform;

namespace ChainOfSpot.Runtime.Tests.Devices;

public sealed class DeviceChoiceTests
{
    [Theory]
    [InlineData("auto", DeviceKind.Auto, 0)]
    [InlineData("cpu", DeviceKind.Cpu, 0)]
    [InlineData("cuda", DeviceKind.Cuda, 0)]
    [InlineData("cuda:1", DeviceKind.Cuda, 1)]
    [InlineData("opencl:12", DeviceKind.OpenCl, 12)]
    public void A_choice_is_read_and_written(string text, DeviceKind kind, int index)
    {
        Assert.True(DeviceChoice.TryParse(text, out DeviceChoice choice));
        Assert.Equal(new DeviceChoice(kind, index), choice);
        Assert.Equal(text, choice.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("CUDA")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:1:2")]
    [InlineData("cpu:0")]
    [InlineData("auto:1")]
    public void Anything_else_is_none(string? text) => Assert.False(DeviceChoice.TryParse(text, out _));

    [Theory]
    [InlineData(DeviceKind.Cuda)]
    [InlineData(DeviceKind.OpenCl)]
    public void A_device_that_is_not_there_is_refused_with_its_name_and_a_reason(DeviceKind kind)
    {
        var choice = new DeviceChoice(kind, 999);
        DeviceNotFoundException refused = Assert.Throws<DeviceNotFoundException>(() => choice.Open());
        Assert.Equal(choice, refused.Choice);
        Assert.StartsWith($"{choice}: {GpuSearch.WhyNone(kind) ?? "there are"}", refused.Message);
        Assert.Contains("`cos devices`", refused.Message);
    }

    [Fact]
    public void A_library_is_found_by_the_name_with_a_version_alone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Names of other systems have no version.");
        Assert.True(DriverLibraries.Exist(["libthere-is-none.so", "libc.so.6"]));
        Assert.False(DriverLibraries.Exist(["libthere-is-none.so", "libthere-is-none.so.1"]));
    }

    [Theory]
    [InlineData("OpenCL C 1.2", 1024, 65536, "it lacks the generic address space of OpenCL C 2.0 (it reports OpenCL C 1.2)")]
    [InlineData(null, 128, 65536, "its groups have 128 threads at most; 256 are needed")]
    [InlineData(null, 256, 16384, "its groups share 16,384 bytes at most; 32,768 are needed")]
    [InlineData(null, 256, 32768, null)]
    public void What_a_device_lacks_is_said(string? tooOld, int groupThreads, long sharedBytes, string? problem) =>
        Assert.Equal(problem, GpuSearch.Problem(tooOld, groupThreads, sharedBytes));

    [Fact]
    public void What_a_gpu_has_not_got_is_named_and_not_counted()
    {
        using GpuDevice device = GpuDevice.CreateSimulated();
        DeviceMemoryException refused = Assert.Throws<DeviceMemoryException>(() => device.Allocate(ElementType.F32, 1 << 30, 1 << 20));
        Assert.Equal(1L << 52, refused.Bytes);
        Assert.Contains($"{1L << 52:N0} bytes for a F32 tensor [{1 << 30}, {1 << 20}]", refused.Message);
        Assert.Equal(0, device.AllocatedBytes);
    }
}
