using System.Runtime.InteropServices;
using System.Text;
using ChainOfSpot.Cli.Output;

namespace ChainOfSpot.Cli;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (OperatingSystem.IsWindows())
            Console.OutputEncoding = Encoding.UTF8;
        using var program = new CancellationTokenSource();
        var terminal = Terminal.OfProcess(program);
        // The first Ctrl+C ends the command in order; one more ends the process.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(
            PosixSignal.SIGINT, signal => signal.Cancel = terminal.Interrupts.Raise());
        return await CosCommand.RunAsync(args, terminal, program.Token).ConfigureAwait(false);
    }
}
