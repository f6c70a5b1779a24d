using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>What <c>cos devices --json</c> prints.</summary>
internal sealed record DevicesJson(IReadOnlyList<DeviceJson> Devices)
{
    public static DevicesJson Of(CpuFacts cpu) => new(
    [
        new DeviceJson(
            "cpu", cpu.InstructionSet, cpu.VectorBits, cpu.NarrowerVectorBits, cpu.Threads, CeilingsJson.Of(cpu.OneThread), CeilingsJson.Of(cpu.AllThreads)),
    ]);
}

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
