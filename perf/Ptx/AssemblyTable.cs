namespace ChainOfSpot.Ptx;

/// <summary>Writes a line a kernel, as Markdown.</summary>
internal sealed class AssemblyTable
{
    // Arithmetic, then memory from far to near, then what should not be there.
    private static readonly string[] Shown =
        ["FFMA", "HMMA", "I2F", "MUFU", "LDG", "LDG.64", "LDG.128", "LDGSTS", "LDS", "LDS.128", "LDSM", "STS", "STG", "BAR", "LDL", "STL"];

    private readonly TextWriter _writer;

    public AssemblyTable(TextWriter writer)
    {
        _writer = writer;
        _writer.WriteLine($"| kernel | target | registers | shared | stack | spills | instructions | {string.Join(" | ", Shown)} |");
        _writer.WriteLine($"|---|---|{string.Concat(Enumerable.Repeat("--:|", Shown.Length + 5))}");
    }

    public void Write(AssembledKernel kernel)
    {
        IEnumerable<string> counts = Shown.Select(name => kernel.Instructions.TryGetValue(name, out int count) ? count.ToString() : "");
        _writer.WriteLine(
            $"| {kernel.Name} | {kernel.Target} | {kernel.Registers} | {kernel.SharedBytes} | {kernel.StackBytes} | {kernel.SpillBytes} | {kernel.Instructions.Values.Sum()} | {string.Join(" | ", counts)} |");
    }
}
