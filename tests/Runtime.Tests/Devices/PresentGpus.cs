using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Runtime.Devices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace ChainOfSpot.Runtime.Tests.Devices;

/// <summary>The CUDA and OpenCL devices of this machine.</summary>
internal static class PresentGpus
{
    /// <summary>The first one, CUDA before OpenCL; skips the test where there is none.</summary>
    public static GpuDevice First()
    {
        var context = Context.Create(builder =>
        {
            GpuInstructions.Register(builder);
            builder.Cuda().OpenCL().Optimize(OptimizationLevel.O2);
        });
        try
        {
            foreach (CudaDevice device in context.GetCudaDevices())
                return Opened(new GpuDevice(context, device.CreateCudaAccelerator(context)));
            foreach (CLDevice device in context.GetCLDevices())
                return Opened(new GpuDevice(context, device.CreateCLAccelerator(context)));
        }
        catch
        {
            context.Dispose();
            throw;
        }
        context.Dispose();
        Assert.Skip("This machine has neither a CUDA nor an OpenCL device; tests/pocl/setup.sh makes one.");
        throw new InvalidOperationException();
    }

    private static GpuDevice Opened(GpuDevice device)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(device.Name);
        return device;
    }
}
