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

/// <summary>A measured roof: fp32 multiply-adds in 10^9 operations a second (a multiply-add is two), reads in 10^9 bytes a second.</summary>
internal sealed record CeilingsJson(double MultiplyAddGflops, double ReadGbPerSecond)
{
    public static CeilingsJson Of(DeviceCeilings ceilings) =>
        new(Math.Round(ceilings.MultiplyAddsPerSecond / 1e9, 2), Math.Round(ceilings.ReadBytesPerSecond / 1e9, 2));
}
