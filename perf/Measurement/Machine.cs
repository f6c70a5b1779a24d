using System.Runtime.InteropServices;

namespace ChainOfSpot.Measurement;

/// <summary>What a measurement was taken on.</summary>
/// <param name="Processor">The processor's own name.</param>
/// <param name="LogicalCores">Logical cores that this process may use.</param>
/// <param name="MemoryBytes">Memory that this process may use.</param>
/// <param name="OperatingSystem">Name and version.</param>
/// <param name="Runtime">Name and version of .NET.</param>
public sealed record Machine(string Processor, int LogicalCores, long MemoryBytes, string OperatingSystem, string Runtime)
{
    /// <summary>This machine.</summary>
    public static Machine Current { get; } = new(
        ProcessorName(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription);

    private static string ProcessorName()
    {
        const string cpuInfo = "/proc/cpuinfo";
        string? line = File.Exists(cpuInfo)
            ? File.ReadLines(cpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
            ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
