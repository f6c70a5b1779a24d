using System.Runtime.InteropServices;
using System.Text;

namespace ChainOfSpot.WeightsTools;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (OperatingSystem.IsWindows())
            Console.OutputEncoding = Encoding.UTF8;
        using var cancellation = new CancellationTokenSource();
        // The first signal ends the command in order, so that nothing half-written stays; the second one ends the process.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        }
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return await WeightsCommand.RunAsync(args, Terminal.OfProcess(), cancellation.Token).ConfigureAwait(false);
    }
}
