using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <summary>The device that one class of the suite runs on, opened once for all of its tests.</summary>
public abstract class DeviceHolder : IDisposable
{
    private readonly Lazy<Device> _device;

    protected DeviceHolder() => _device = new Lazy<Device>(Open);

    /// <summary>The device; the test is skipped where there is none.</summary>
    public Device Device => _device.Value;

    /// <summary>Whether it is so slow that shapes have to be tiny.</summary>
    public virtual bool IsSimulated => false;

    public void Dispose()
    {
        if (_device.IsValueCreated)
            _device.Value.Dispose();
        GC.SuppressFinalize(this);
    }

    protected abstract Device Open();

    protected static Device OpenOrSkip(DeviceKind kind)
    {
        string? reason = GpuSearch.WhyNone(kind);
        Assert.SkipWhen(reason is not null, $"No {kind} device: {reason}.");
        return new DeviceChoice(kind).Open();
    }
}

public sealed class CpuHolder : DeviceHolder
{
    protected override Device Open() => CpuDevice.Create(threads: 2);
}

public sealed class SimulatedHolder : DeviceHolder
{
    public override bool IsSimulated => true;

    protected override Device Open() => GpuDevice.CreateSimulated();
}

public sealed class OpenClHolder : DeviceHolder
{
    protected override Device Open() => OpenOrSkip(DeviceKind.OpenCl);
}

public sealed class CudaHolder : DeviceHolder
{
    protected override Device Open() => OpenOrSkip(DeviceKind.Cuda);
}

/// <summary>The suite on the CPU's widest vectors.</summary>
public sealed class CpuDeviceSuite(CpuHolder holder) : DeviceSuite(holder), IClassFixture<CpuHolder>;

/// <summary>The suite on ILGPU's CPU accelerator, with tiny shapes: it runs every thread of a kernel by itself.</summary>
public sealed class SimulatedGpuDeviceSuite(SimulatedHolder holder) : DeviceSuite(holder), IClassFixture<SimulatedHolder>;

/// <summary>The suite on the first OpenCL device.</summary>
public sealed class OpenClGpuDeviceSuite(OpenClHolder holder) : DeviceSuite(holder), IClassFixture<OpenClHolder>;

/// <summary>The suite on the first NVIDIA GPU.</summary>
public sealed class CudaGpuDeviceSuite(CudaHolder holder) : DeviceSuite(holder), IClassFixture<CudaHolder>;
