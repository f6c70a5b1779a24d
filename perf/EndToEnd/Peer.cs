using System.ComponentModel;
using System.Diagnostics;

namespace ChainOfSpot.EndToEnd;

/// <summary>Another program that answers the same question, by a command line with {image} and {question} in it.</summary>
internal sealed class Peer
{
    private readonly string[] _words;

    /// <param name="template">Words apart by spaces; a placeholder may be part of a word. Quotes keep spaces in a word.</param>
    /// <exception cref="ArgumentException">There is no program or no {image} in it.</exception>
    public Peer(string template)
    {
        Template = template;
        _words = [.. Split(template)];
        if (_words.Length == 0 || !template.Contains("{image}", StringComparison.Ordinal))
            throw new ArgumentException($"--peer \"{template}\": expected a command with {{image}} and {{question}}.", nameof(template));
    }

    public string Template { get; }

    /// <summary>The words of a command for a picture and a question.</summary>
    public IReadOnlyList<string> Words(string image, string question) =>
        [.. _words.Select(w => w.Replace("{image}", image, StringComparison.Ordinal).Replace("{question}", question, StringComparison.Ordinal))];

    /// <summary>Runs it once.</summary>
    /// <returns>Seconds from its start to its end.</returns>
    /// <exception cref="InvalidOperationException">It cannot be started or fails.</exception>
    public async Task<double> RunAsync(string image, string question)
    {
        IReadOnlyList<string> words = Words(image, question);
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        long begin = Stopwatch.GetTimestamp();
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"The peer {words[0]} cannot be started: {e.Message}", e);
        }
        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string error = await process.StandardError.ReadToEndAsync().ConfigureAwait(false);
            await output.ConfigureAwait(false);
            await process.WaitForExitAsync().ConfigureAwait(false);
            return process.ExitCode == 0
                ? Stopwatch.GetElapsedTime(begin).TotalSeconds
                : throw new InvalidOperationException($"The peer {words[0]} ended with {process.ExitCode}: {error.Trim()}");
        }
    }

    private static IEnumerable<string> Split(string template)
    {
        var word = new System.Text.StringBuilder();
        bool quoted = false;
        bool any = false;
        foreach (char c in template)
        {
            if (c == '"')
                (quoted, any) = (!quoted, true);
            else if (c == ' ' && !quoted)
            {
                if (any)
                    yield return word.ToString();
                word.Clear();
                any = false;
            }
            else
            {
                word.Append(c);
                any = true;
            }
        }
        if (any)
            yield return word.ToString();
    }
}
