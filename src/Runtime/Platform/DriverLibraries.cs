using System.Reflection;
using System.Runtime.InteropServices;

namespace ChainOfSpot.Runtime.Platform;

/// <summary>
/// The drivers' libraries of GPUs. A machine that runs programs without building any has them on Linux under a name with a version
/// only (libcuda.so.1), which .NET does not look for by itself.
/// </summary>
internal static class DriverLibraries
{
    /// <summary>The names of NVIDIA's driver here, the one that ILGPU asks for first.</summary>
    public static IReadOnlyList<string> Cuda { get; } = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so", "libcuda.so.1"];

    /// <summary>The names of the OpenCL loader here.</summary>
    public static IReadOnlyList<string> OpenCl { get; } =
        OperatingSystem.IsWindows() ? ["OpenCL.dll"]
        : OperatingSystem.IsMacOS() ? ["/System/Library/Frameworks/OpenCL.framework/OpenCL"]
        : ["libOpenCL.so", "libOpenCL.so.1"];

    /// <summary>Whether one of these libraries can be loaded.</summary>
    public static bool Exist(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                NativeLibrary.Free(library);
                return true;
            }
        }
        return false;
    }

    /// <summary>Lets an assembly find them by every name that they have. Once for each assembly.</summary>
    public static void ResolveFor(Assembly assembly)
    {
        try
        {
            NativeLibrary.SetDllImportResolver(assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The program around us has set a resolver of its own: what that one finds is found.
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        IReadOnlyList<string> names =
            name is "cuda" or "nvcuda" ? Cuda
            : name.Equals("OpenCL", StringComparison.OrdinalIgnoreCase) ? OpenCl
            : [];
        foreach (string candidate in names)
        {
            if (NativeLibrary.TryLoad(candidate, out nint library))
                return library;
        }
        return 0;
    }
}
