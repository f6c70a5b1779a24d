using System.Globalization;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>The devices as people read them.</summary>
internal static class DevicesReport
{
    public static void Write(Terminal terminal, CpuFacts cpu, GpuFacts gpus)
    {
        string narrower = cpu.NarrowerVectorBits.Length == 0 ? "" : $"; --vector-bits {string.Join(" or ", cpu.NarrowerVectorBits)} chooses narrower ones";
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"  {terminal.Highlight("cpu")}  {cpu.InstructionSet}, {cpu.Threads} threads, vectors of {cpu.VectorBits} bits{narrower}");
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(terminal.Faint($"  {"measured here",-28}{"1 thread",12}{$"{cpu.Threads} threads",12}"));
        Row("fp32 multiply-add, GFLOP/s", ceilings => ceilings.MultiplyAddsPerSecond);
        if (cpu.OneThread.BFloat16OperationsPerSecond > 0)
            Row("bf16 dot product, GFLOP/s", ceilings => ceilings.BFloat16OperationsPerSecond);
        if (cpu.OneThread.Int8OperationsPerSecond > 0)
            Row("int8 dot product, GOP/s", ceilings => ceilings.Int8OperationsPerSecond);
        Row("memory read, GB/s", ceilings => ceilings.ReadBytesPerSecond);
        terminal.Out.WriteLine();
        foreach (GpuFound gpu in gpus.Found)
            WriteGpu(terminal, gpu);
        foreach ((string kind, string reason) in gpus.Missing)
            terminal.Out.WriteLine($"  {terminal.Faint($"{kind,-9} none: {reason}")}");
        terminal.Out.WriteLine();

        void Row(string name, Func<DeviceCeilings, double> value) => terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {name,-28}{value(cpu.OneThread) / 1e9,12:0.0}{value(cpu.AllThreads) / 1e9,12:0.0}"));
    }

    private static void WriteGpu(Terminal terminal, GpuFound gpu)
    {
        string memory = string.Create(CultureInfo.InvariantCulture, $"{gpu.MemoryBytes / 1e9:0.0} GB");
        terminal.Out.WriteLine($"  {terminal.Highlight($"{gpu.Choice,-9}")} {gpu.Name.OnOneLine()}, {memory}");
        if (gpu.Problem is not null)
            terminal.Out.WriteLine($"  {"",-9} {terminal.Warning($"cannot be used: {gpu.Problem}")}");
        else if (!gpu.IsGpu)
            terminal.Out.WriteLine($"  {"",-9} {terminal.Faint($"runs on the processor, more slowly than cpu; only --device {gpu.Choice} chooses it")}");
    }
}
