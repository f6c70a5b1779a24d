using System.CommandLine;

namespace ChainOfSpot.Ptx;

/// <summary>Assembles the PTX of every GPU kernel, without a GPU, and shows what the assembler made of it.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var ptxas = new Option<string?>("--ptxas") { Description = "NVIDIA's assembler; found on PATH if not given.", HelpName = "FILE" };
        var filter = new Option<string[]>("--filter") { Description = "Only kernels whose name contains one of these.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = true };
        var keep = new Option<string?>("--keep") { Description = "Folder for the PTX and the machine code.", HelpName = "DIR" };
        var root = new RootCommand(
            "Assembles every GPU kernel for sm_80 and sm_90a: registers, shared memory, stack, spills and instructions. Ends with 1 where one has stack or spills.")
        {
            ptxas, filter, keep,
        };
        root.SetAction((parsed, _) => Task.FromResult(Run(parsed.GetValue(ptxas), parsed.GetValue(filter) ?? [], parsed.GetValue(keep))));
        return await root.Parse(args).InvokeAsync().ConfigureAwait(false);
    }

    private static int Run(string? ptxas, string[] filter, string? keep)
    {
        string? path = ptxas ?? Assembler.OnPath();
        if (path is null || !File.Exists(path))
        {
            Console.Error.WriteLine(ptxas is null ? "ptxas is not on PATH; --ptxas FILE says where it is." : $"{ptxas} is not there; expected NVIDIA's ptxas.");
            return 2;
        }
        string folder = keep ?? Directory.CreateTempSubdirectory("cos-ptx-").FullName;
        Directory.CreateDirectory(folder);
        try
        {
            return Assemble(new Assembler(path, folder), filter);
        }
        finally
        {
            if (keep is null)
                Directory.Delete(folder, recursive: true);
        }
    }

    private static int Assemble(Assembler assembler, string[] filter)
    {
        KernelInstance[] kernels = [.. KernelInstance.All().Where(kernel => filter.Length == 0 || filter.Any(kernel.Name.Contains))];
        var table = new AssemblyTable(Console.Out);
        bool clean = true;
        foreach (string target in Assembler.Targets)
        {
            using var compiler = new OfflineCompiler(target);
            // ILGPU compiles one kernel at a time; the assembler is another process.
            (string Name, string Ptx)[] texts = [.. kernels.Select(kernel => (kernel.Name, compiler.Compile(kernel.Method)))];
            foreach (AssembledKernel kernel in texts.AsParallel().AsOrdered().Select(text => assembler.Assemble(text.Name, text.Ptx, target)))
            {
                table.Write(kernel);
                clean &= kernel.IsClean;
            }
        }
        Console.WriteLine($"{kernels.Length} kernels; {(clean ? "no stack, no spills" : "some have stack or spills")}");
        return clean ? 0 : 1;
    }
}
