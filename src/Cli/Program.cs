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
        using var cancellation = new CancellationTokenSource();
        // The first Ctrl+C ends the command in order; the second one ends the process.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        });
        return await CosCommand.RunAsync(args, Terminal.OfProcess(), cancellation.Token).ConfigureAwait(false);
    }
}
