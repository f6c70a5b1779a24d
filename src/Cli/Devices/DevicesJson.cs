using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>What <c>cos devices --json</c> prints.</summary>
/// <param name="Devices">The CPU.</param>
/// <param name="Gpus">What drivers report, usable or not.</param>
/// <param name="Missing">Why there is none of a kind, by kind.</param>
internal sealed record DevicesJson(IReadOnlyList<DeviceJson> Devices, IReadOnlyList<GpuJson> Gpus, IReadOnlyDictionary<string, string> Missing)
{
    public static DevicesJson Of(CpuFacts cpu, GpuFacts gpus) => new(
    [
        new DeviceJson(
            "cpu", cpu.InstructionSet, cpu.VectorBits, cpu.NarrowerVectorBits, cpu.Threads, CeilingsJson.Of(cpu.OneThread), CeilingsJson.Of(cpu.AllThreads)),
    ],
    [.. gpus.Found.Select(gpu => new GpuJson($"{gpu.Choice}", gpu.Name, gpu.MemoryBytes, gpu.IsGpu, gpu.Problem))],
    gpus.Missing);
}

/// <summary>One device of a driver.</summary>
/// <param name="Device">What <c>--device</c> takes.</param>
/// <param name="Name">What its driver calls it.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="IsGpu">False where it runs on the processor.</param>
/// <param name="Problem">Why it cannot be used; null where it can.</param>
internal sealed record GpuJson(string Device, string Name, long MemoryBytes, bool IsGpu, string? Problem);

/// <summary>One device.</summary>
internal sealed record DeviceJson(
    string Name, string InstructionSet, int VectorBits, int[] NarrowerVectorBits, int Threads, CeilingsJson OneThread, CeilingsJson AllThreads);

/// <summary>
/// A measured roof: fp32 multiply-adds and bf16 and int8 dot products in 10^9 operations a second (a multiply-add is two; 0 where none
/// are assembled), reads in 10^9 bytes a second.
/// </summary>
internal sealed record CeilingsJson(double MultiplyAddGflops, double BFloat16DotGflops, double Int8DotGops, double ReadGbPerSecond)
{
    public static CeilingsJson Of(DeviceCeilings ceilings) =>
        new(Giga(ceilings.MultiplyAddsPerSecond), Giga(ceilings.BFloat16OperationsPerSecond), Giga(ceilings.Int8OperationsPerSecond), Giga(ceilings.ReadBytesPerSecond));

    private static double Giga(double value) => Math.Round(value / 1e9, 2);
}
