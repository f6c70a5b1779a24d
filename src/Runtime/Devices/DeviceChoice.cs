using System.Globalization;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>What computes.</summary>
public enum DeviceKind
{
    /// <summary>The fastest GPU, the CPU where there is none.</summary>
    Auto,

    /// <summary>The processor's own cores.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU through its own driver.</summary>
    Cuda,

    /// <summary>A device through OpenCL 2.0 or later.</summary>
    OpenCl,
}

/// <summary>Which device computes: "auto", "cpu", "cuda", "cuda:1", "opencl", "opencl:1".</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Index">Its number among those of its kind, from 0.</param>
public readonly record struct DeviceChoice(DeviceKind Kind, int Index = 0)
{
    /// <summary>How choices are written.</summary>
    public const string Syntax = "auto, cpu, cuda, cuda:N, opencl or opencl:N";

    /// <summary>Reads a choice.</summary>
    public static bool TryParse(string? text, out DeviceChoice choice)
    {
        string[] parts = (text ?? "").Split(':');
        DeviceKind? kind = parts[0] switch
        {
            "auto" => DeviceKind.Auto,
            "cpu" => DeviceKind.Cpu,
            "cuda" => DeviceKind.Cuda,
            "opencl" => DeviceKind.OpenCl,
            _ => null,
        };
        int index = 0;
        bool numbered = parts.Length == 2 && kind is DeviceKind.Cuda or DeviceKind.OpenCl
            && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out index);
        bool valid = kind is not null && (parts.Length == 1 || numbered);
        choice = valid ? new DeviceChoice(kind!.Value, index) : default;
        return valid;
    }

    /// <summary>Opens the chosen device.</summary>
    /// <param name="threads">Of the CPU: threads that share an operation; 0 for one a core.</param>
    /// <param name="vectorBits">Of the CPU: 512, 256 or 128 for narrower vectors than it has; 0 for the widest.</param>
    /// <param name="arithmetic">What may be rounded.</param>
    /// <exception cref="DeviceNotFoundException">There is no such device; the message says why.</exception>
    public Device Open(int threads = 0, int vectorBits = 0, Arithmetic arithmetic = Arithmetic.Exact)
    {
        if (Kind == DeviceKind.Cpu)
            return CpuDevice.Create(threads, vectorBits, arithmetic);
        return (Device?)GpuSearch.Open(this, arithmetic) ?? CpuDevice.Create(threads, vectorBits, arithmetic);
    }

    /// <summary>As it is written.</summary>
    public override string ToString()
    {
        string kind = Kind switch
        {
            DeviceKind.Auto => "auto",
            DeviceKind.Cpu => "cpu",
            DeviceKind.Cuda => "cuda",
            _ => "opencl",
        };
        return Index == 0 ? kind : string.Create(CultureInfo.InvariantCulture, $"{kind}:{Index}");
    }
}

/// <summary>The device that was asked for is not there.</summary>
public sealed class DeviceNotFoundException(DeviceChoice choice, string reason, Exception? inner = null)
    : Exception($"{choice}: {reason}. `cos devices` lists what there is.", inner)
{
    /// <summary>What was asked for.</summary>
    public DeviceChoice Choice { get; } = choice;
}
