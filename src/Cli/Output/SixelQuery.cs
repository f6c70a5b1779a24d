using System.Diagnostics;
using System.Text;

namespace ChainOfSpot.Cli.Output;

/// <summary>Asks the terminal for its primary device attributes (DA1): the number 4 among them says that it shows sixels.</summary>
internal static class SixelQuery
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Asks the console, which has to be a terminal, and waits a moment for the answer.</summary>
    public static bool AskConsole()
    {
        if (Console.KeyAvailable)
            return false;
        Console.Out.Write("\e[c");
        Console.Out.Flush();
        var reply = new StringBuilder();
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Patience && (reply.Length == 0 || reply[^1] != 'c'))
        {
            if (Console.KeyAvailable)
                reply.Append(Console.ReadKey(intercept: true).KeyChar);
            else
                Thread.Sleep(1);
        }
        // What the terminal sent between two looks was echoed.
        Console.Out.Write("\r\e[2K");
        return HasSixels(reply.ToString());
    }

    /// <summary>Whether a reply, ESC [ ? 62 ; 4 ; ... c, has the attribute 4 behind the terminal's class.</summary>
    public static bool HasSixels(string reply)
    {
        int start = reply.IndexOf('?', StringComparison.Ordinal);
        return start >= 0 && reply.EndsWith('c') && reply[(start + 1)..^1].Split(';').Skip(1).Contains("4");
    }
}
