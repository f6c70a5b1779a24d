using System.Reflection;
using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Runtime.Devices;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace ChainOfSpot.Ptx;

/// <summary>ILGPU's compiler to PTX as a device of some architecture would use it, without the device.</summary>
internal sealed class OfflineCompiler : IDisposable
{
    private readonly Context _context;
    private readonly PTXBackend _backend;

    /// <param name="target">sm_80, sm_90a…</param>
    public OfflineCompiler(string target)
    {
        int number = int.Parse(target.AsSpan("sm_".Length).TrimEnd('a'), System.Globalization.CultureInfo.InvariantCulture);
        var architecture = new CudaArchitecture(number / 10, number % 10);
        var capabilities = new CudaCapabilityContext(architecture);
        _context = Context.Create(builder =>
        {
            GpuInstructions.Register(builder);
            builder.Optimize(OptimizationLevel.O2);
        });
        _backend = new PTXBackend(_context, capabilities, architecture, CudaInstructionSet.ISA_80, null);
    }

    /// <summary>The text that a device would load.</summary>
    public string Compile(MethodInfo kernel) => ((PTXCompiledKernel)GpuCompiler.Compile(_backend, kernel)).PTXAssembly;

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
