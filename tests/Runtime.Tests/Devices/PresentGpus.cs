using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <summary>The CUDA and OpenCL devices of this machine.</summary>
internal static class PresentGpus
{
    /// <summary>The first one, CUDA before OpenCL; skips the test where there is none.</summary>
    public static GpuDevice First()
    {
        foreach (DeviceKind kind in (DeviceKind[])[DeviceKind.Cuda, DeviceKind.OpenCl])
        {
            if (GpuSearch.WhyNone(kind) is null)
                return Opened(kind, Arithmetic.Exact);
        }
        Assert.Skip("This machine has neither a CUDA nor an OpenCL device; tests/pocl/setup.sh makes one.");
        throw new InvalidOperationException();
    }

    /// <summary>The first NVIDIA GPU, with its tensor cores; skips the test where there is none.</summary>
    public static GpuDevice WithTensorCores()
    {
        string? reason = GpuSearch.WhyNone(DeviceKind.Cuda);
        Assert.SkipWhen(reason is not null, $"No tensor cores: {reason}.");
        return Opened(DeviceKind.Cuda, Arithmetic.Fast);
    }

    private static GpuDevice Opened(DeviceKind kind, Arithmetic arithmetic)
    {
        var device = (GpuDevice)new DeviceChoice(kind).Open(arithmetic: arithmetic);
        TestContext.Current.TestOutputHelper?.WriteLine($"device: {device.Name}, {arithmetic} arithmetic");
        return device;
    }
}
