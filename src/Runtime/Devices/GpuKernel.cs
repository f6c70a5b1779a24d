using System.Reflection;
using ChainOfSpot.Kernels.Gpu;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>A kernel of <see cref="Kernels"/> on one accelerator, compiled at its first launch.</summary>
/// <typeparam name="TArguments">Its structure of operands.</typeparam>
/// <param name="accelerator">Where it runs.</param>
/// <param name="method">The method, marked by <see cref="GpuKernelAttribute"/>.</param>
internal sealed class GpuKernel<TArguments>(Accelerator accelerator, Action<TArguments> method) : IDisposable
    where TArguments : struct
{
    private readonly GpuKernelAttribute _shape = method.Method.GetCustomAttribute<GpuKernelAttribute>()
        ?? throw new ArgumentException($"{method.Method.Name} is not marked as a kernel.", nameof(method));

    private Kernel? _kernel;
    private Action<AcceleratorStream, KernelConfig, TArguments>? _launch;

    /// <summary>Enqueues a grid of groups; an empty one is left out.</summary>
    public void Launch(AcceleratorStream stream, Index3D grid, in TArguments arguments)
    {
        if (grid.Size == 0)
            return;
        _launch ??= Load();
        _launch(stream, new KernelConfig(grid, new Index3D(_shape.Threads, 1, 1)), arguments);
    }

    public void Dispose() => _kernel?.Dispose();

    private Action<AcceleratorStream, KernelConfig, TArguments> Load()
    {
        _kernel = accelerator.LoadKernel(GpuCompiler.Compile(accelerator.GetBackend(), method.Method));
        return _kernel.CreateLauncherDelegate<Action<AcceleratorStream, KernelConfig, TArguments>>();
    }
}

/// <summary>How kernels are compiled: once, for groups of exactly the size that they are marked with.</summary>
public static class GpuCompiler
{
    /// <summary>The compiled kernel; for CUDA with its text patched.</summary>
    /// <param name="backend">CUDA's, OpenCL's or the CPU accelerator's.</param>
    /// <param name="kernel">A method marked by <see cref="GpuKernelAttribute"/>; of a generic one, an instance.</param>
    public static CompiledKernel Compile(Backend backend, MethodInfo kernel)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(kernel);
        GpuKernelAttribute shape = kernel.GetCustomAttribute<GpuKernelAttribute>()
            ?? throw new ArgumentException($"{kernel.Name} is not marked as a kernel.", nameof(kernel));
        int? groups = shape.GroupsPerMultiprocessor == 0 ? null : shape.GroupsPerMultiprocessor;
        CompiledKernel compiled = backend.Compile(
            EntryPointDescription.FromExplicitlyGroupedKernel(kernel), new KernelSpecialization(shape.Threads, groups));
        if (compiled is PTXCompiledKernel ptx)
            Text(ptx) = PtxPatch.Apply(ptx.PTXAssembly);
        return compiled;
    }

    /// <summary>ILGPU offers no way to change the text between compiling and loading.</summary>
    [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Field, Name = "<PTXAssembly>k__BackingField")]
    private static extern ref string Text(PTXCompiledKernel kernel);
}
