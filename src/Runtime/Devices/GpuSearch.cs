using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Runtime.Platform;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>A device that a driver reports.</summary>
/// <param name="Choice">What opens it.</param>
/// <param name="Name">What its driver calls it.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="IsGpu">False for an OpenCL device that runs on the processor: used only where it is asked for by name.</param>
/// <param name="Problem">Why it cannot be used; null where it can.</param>
public sealed record GpuFound(DeviceChoice Choice, string Name, long MemoryBytes, bool IsGpu, string? Problem);

/// <summary>Finds GPUs and opens them.</summary>
public static class GpuSearch
{
    private const string Switch = "ChainOfSpot.Runtime.Devices.GpuSearch.IsSupported";
    private const string Unsupported = "this program was compiled ahead of time or trimmed and can use the CPU only";

    static GpuSearch()
    {
        if (IsSupported)
            DriverLibraries.ResolveFor(typeof(Context).Assembly);
    }

    /// <summary>
    /// GPU kernels are compiled from the IL of their methods, which are found by reflection: a program that was compiled ahead of
    /// time has neither IL nor compiler, and a trimmed one lacks what is only reflected on. The trimmer sets the switch off.
    /// </summary>
    [FeatureSwitchDefinition(Switch)]
    private static bool IsSupported =>
        RuntimeFeature.IsDynamicCodeSupported && (!AppContext.TryGetSwitch(Switch, out bool isOn) || isOn);

    /// <summary>All devices that drivers report, usable or not.</summary>
    public static IReadOnlyList<GpuFound> Find() => [.. Find(DeviceKind.Cuda), .. Find(DeviceKind.OpenCl)];

    /// <summary>Why there is no device of a kind at all; null where there is one.</summary>
    /// <param name="kind">CUDA or OpenCL.</param>
    public static string? WhyNone(DeviceKind kind)
    {
        if (!IsSupported)
            return Unsupported;
        IReadOnlyList<string> names = Libraries(kind);
        if (!DriverLibraries.Exist(names))
            return $"the driver's library is not there ({string.Join(" or ", names)})";
        if (Find(kind).Count > 0)
            return null;
        return kind == DeviceKind.Cuda
            ? "the driver is there but reports no NVIDIA GPU"
            : "the OpenCL loader is there but no driver reports a device to it";
    }

    /// <summary>Opens a GPU; of "auto" null where there is none.</summary>
    /// <exception cref="DeviceNotFoundException">A device that was asked for by name is not there or cannot be used.</exception>
    internal static GpuDevice? Open(DeviceChoice choice, Arithmetic arithmetic)
    {
        if (choice.Kind == DeviceKind.Auto)
        {
            GpuFound? best = Find().FirstOrDefault(found => found.IsGpu && found.Problem is null);
            return best is null ? null : Open(best.Choice, arithmetic);
        }
        if (WhyNone(choice.Kind) is { } reason)
            throw new DeviceNotFoundException(choice, reason);
        return IsSupported ? OpenPresent(choice, arithmetic) : null;
    }

    private static GpuDevice OpenPresent(DeviceChoice choice, Arithmetic arithmetic)
    {
        Context context = CreateContext(choice.Kind);
        try
        {
            ILGPU.Runtime.Device[] devices = Devices(context, choice.Kind);
            if (choice.Index >= devices.Length)
                throw new DeviceNotFoundException(choice, $"there are {devices.Length} such devices, numbered from 0");
            ILGPU.Runtime.Device device = devices[choice.Index];
            if (Problem(device) is { } problem)
                throw new DeviceNotFoundException(choice, $"{device.Name} cannot be used: {problem}");
            return new GpuDevice(context, device.CreateAccelerator(context)) { Arithmetic = arithmetic };
        }
        catch (Exception e)
        {
            context.Dispose();
            if (e is DeviceNotFoundException)
                throw;
            throw new DeviceNotFoundException(choice, $"its driver refuses to open it ({e.Message.TrimEnd('.')})", e);
        }
    }

    private static List<GpuFound> Find(DeviceKind kind)
    {
        // Without the library there is nothing to ask; ILGPU's start would cost a tenth of a second.
        return IsSupported && DriverLibraries.Exist(Libraries(kind)) ? FindPresent(kind) : [];
    }

    private static List<GpuFound> FindPresent(DeviceKind kind)
    {
        using Context context = CreateContext(kind);
        return [.. Devices(context, kind).Select((device, index) => new GpuFound(
            new DeviceChoice(kind, index),
            device is CLDevice cl ? $"{device.Name}, {cl.PlatformName}" : device.Name,
            device.MemorySize,
            device is not CLDevice { DeviceType: not CLDeviceType.CL_DEVICE_TYPE_GPU },
            Problem(device)))];
    }

    // Where a driver reports none, ILGPU lists its own CPU accelerator instead.
    private static ILGPU.Runtime.Device[] Devices(Context context, DeviceKind kind) =>
        [.. context.Devices.Where(device => kind == DeviceKind.Cuda ? device is CudaDevice : device is CLDevice)];

    private static Context CreateContext(DeviceKind kind) => Context.Create(builder =>
    {
        GpuInstructions.Register(builder);
        (kind == DeviceKind.Cuda ? builder.Cuda(_ => true) : builder.OpenCL(_ => true)).Optimize(OptimizationLevel.O2);
    });

    private static IReadOnlyList<string> Libraries(DeviceKind kind) => kind == DeviceKind.Cuda ? DriverLibraries.Cuda : DriverLibraries.OpenCl;

    private static string? Problem(ILGPU.Runtime.Device device)
    {
        var cl = device as CLDevice;
        // A device of OpenCL 3.0 may report OpenCL C 1.2 and have what is needed all the same: its features decide.
        bool isTooOld = cl is not null && !((CLCapabilityContext)cl.Capabilities).GenericAddressSpace;
        return Problem(isTooOld ? $"OpenCL C {cl!.CVersion.Major}.{cl.CVersion.Minor}" : null, device.MaxNumThreadsPerGroup, device.MaxSharedMemoryPerGroup);
    }

    /// <summary>Why a device cannot be used; null where it can.</summary>
    /// <param name="tooOld">The OpenCL C that it reports, where that lacks what kernels need.</param>
    /// <param name="groupThreads">Threads that a group of it may have.</param>
    /// <param name="sharedBytes">Bytes that they may share.</param>
    internal static string? Problem(string? tooOld, int groupThreads, long sharedBytes)
    {
        if (tooOld is not null)
            return $"it lacks the generic address space of OpenCL C 2.0 (it reports {tooOld})";
        if (groupThreads < GpuLimits.Threads)
            return $"its groups have {groupThreads} threads at most; {GpuLimits.Threads} are needed";
        if (sharedBytes < GpuLimits.SharedBytes)
            return $"its groups share {sharedBytes:N0} bytes at most; {GpuLimits.SharedBytes:N0} are needed";
        return null;
    }
}
