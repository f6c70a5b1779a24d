using System.ComponentModel;
using System.Diagnostics;

namespace ChainOfSpot.Measurement;

/// <summary>A program that was run to its end.</summary>
/// <param name="Output">What it wrote to its standard output.</param>
/// <param name="Error">What it wrote to its standard error.</param>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="PeakBytes">
/// The most memory of its own and of mapped files that was resident at a time, asked for every few milliseconds: memory that
/// comes in the last of them is not counted. 0 where the system does not tell.
/// </param>
public sealed record MeasuredProcess(string Output, string Error, double Seconds, long PeakBytes)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    /// <summary>Runs a program and waits for its end.</summary>
    /// <param name="words">The program and its arguments.</param>
    /// <exception cref="InvalidOperationException">It cannot be started, or ends with another code than 0; the message has what it said.</exception>
    public static async Task<MeasuredProcess> RunAsync(IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        long begin = Stopwatch.GetTimestamp();
        using Process process = Start(start);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task end = process.WaitForExitAsync();
        long peak = 0;
        while (await Task.WhenAny(end, Task.Delay(Interval)).ConfigureAwait(false) != end)
            peak = Math.Max(peak, PeakBytesOf(process));
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        var result = new MeasuredProcess(await output.ConfigureAwait(false), await error.ConfigureAwait(false), seconds, peak);
        return process.ExitCode == 0
            ? result
            : throw new InvalidOperationException($"{words[0]} ended with {process.ExitCode}: {result.Error.Trim()}");
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"{start.FileName} cannot be started: {e.Message}", e);
        }
    }

    // On Linux this is VmHWM of /proc/PID/status, the kernel's own high-water mark.
    private static long PeakBytesOf(Process process)
    {
        try
        {
            process.Refresh();
            return process.PeakWorkingSet64;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or IOException)
        {
            // It ended in between.
            return 0;
        }
    }
}
