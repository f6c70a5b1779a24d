using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ChainOfSpot.Ptx;

/// <summary>What the assembler says of a kernel.</summary>
/// <param name="Name">The kernel.</param>
/// <param name="Target">Its architecture.</param>
/// <param name="Registers">A thread's.</param>
/// <param name="SharedBytes">A group's shared memory known at compile time.</param>
/// <param name="StackBytes">A thread's memory for arrays that found no registers.</param>
/// <param name="SpillBytes">Bytes stored and loaded because registers ran out.</param>
/// <param name="Instructions">How often each mnemonic with its width stands in the machine code; empty without cuobjdump.</param>
internal sealed record AssembledKernel(
    string Name, string Target, int Registers, int SharedBytes, int StackBytes, int SpillBytes, IReadOnlyDictionary<string, int> Instructions)
{
    /// <summary>Whether everything is in registers.</summary>
    public bool IsClean => StackBytes == 0 && SpillBytes == 0;
}

/// <summary>NVIDIA's ptxas, and cuobjdump and nvdisasm where they lie beside it.</summary>
/// <param name="ptxas">The assembler.</param>
/// <param name="folder">Where PTX and machine code go.</param>
internal sealed partial class Assembler(string ptxas, string folder)
{
    /// <summary>The architectures that kernels are assembled for: the first with all that the tensor-core kernels need, and the newest tested.</summary>
    public static IReadOnlyList<string> Targets { get; } = ["sm_80", "sm_90a"];

    private readonly string _cuobjdump = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ptxas))!, "cuobjdump");

    /// <summary>The first ptxas of PATH.</summary>
    public static string? OnPath() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "ptxas")).FirstOrDefault(File.Exists);

    /// <exception cref="InvalidDataException">The assembler refuses the text.</exception>
    public AssembledKernel Assemble(string name, string ptx, string target)
    {
        string file = Path.Combine(folder, $"{Unsafe().Replace(name, "_")}.{target}");
        File.WriteAllText(file + ".ptx", ptx);
        string report = Run(ptxas, ["-v", $"-arch={target}", "-o", file + ".cubin", file + ".ptx"]);
        return new AssembledKernel(
            name, target, Number(Registers(), report), Number(Shared(), report), Number(Stack(), report), Number(SpillStores(), report) + Number(SpillLoads(), report),
            File.Exists(_cuobjdump) ? Count(Run(_cuobjdump, ["-sass", file + ".cubin"])) : new Dictionary<string, int>());
    }

    private static Dictionary<string, int> Count(string code) =>
        Instruction().Matches(code).Select(match => NameAndWidth(match.Groups[1].Value)).CountBy(name => name).ToDictionary();

    /// <summary>LDG.E.128.CONSTANT is LDG.128.</summary>
    private static string NameAndWidth(string mnemonic)
    {
        string[] parts = mnemonic.Split('.');
        string? width = parts.Skip(1).FirstOrDefault(part => part is "64" or "128");
        return width is null || parts[0] is not ("LDG" or "LDS" or "STG" or "STS") ? parts[0] : $"{parts[0]}.{width}";
    }

    private static int Number(Regex pattern, string report) =>
        pattern.Match(report) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;

    private static string Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // cuobjdump starts the nvdisasm that it finds on PATH.
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Path.GetFullPath(program))}{Path.PathSeparator}{start.Environment["PATH"]}";
        using Process process = Process.Start(start) ?? throw new InvalidDataException($"{program} does not start.");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidDataException($"{program} {string.Join(' ', arguments)}: {output}");
    }

    [GeneratedRegex(@"[^\w.-]+")]
    private static partial Regex Unsafe();

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex Shared();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex Stack();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Instruction();
}
