using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace ChainOfSpot.EndToEnd;

/// <summary>A program that answers one question and ends, by a command line with {image} and {question} in it.</summary>
internal sealed class CommandPeer : Peer
{
    private const string Image = "{image}";
    private const string Question = "{question}";

    private readonly string _template;
    private readonly string[] _words;

    /// <param name="template">Words apart by spaces; a placeholder may be part of a word. Quotes keep spaces in a word.</param>
    /// <exception cref="ArgumentException">There is no program or no {image} in it.</exception>
    public CommandPeer(string template)
    {
        _template = template;
        _words = [.. Split(template)];
        if (_words.Length == 0 || !template.Contains(Image, StringComparison.Ordinal))
            throw new ArgumentException($"--peer \"{template}\": expected a command with {Image} and {Question}.", nameof(template));
    }

    public override string Name => _template;

    public override bool GoesOn => false;

    /// <summary>The words of a command for a picture and a question.</summary>
    public IReadOnlyList<string> Words(string image, string question) =>
        [.. _words.Select(w => w.Replace(Image, image, StringComparison.Ordinal).Replace(Question, question, StringComparison.Ordinal))];

    /// <summary>Runs it once; the time is that from its start to its end, loading the model included.</summary>
    public override async Task<PeerAnswer> AnswerAsync(IReadOnlyList<PeerTurn> turns)
    {
        PeerTurn turn = turns.Single();
        IReadOnlyList<string> words = Words(turn.PicturePath, turn.BeforePicture + turn.AfterPicture.TrimStart());
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
            string printed = await output.ConfigureAwait(false) + error;
            await process.WaitForExitAsync().ConfigureAwait(false);
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            return process.ExitCode == 0
                ? PrintedTimings.Read(printed, seconds)
                : throw new InvalidOperationException($"The peer {words[0]} ended with {process.ExitCode}: {error.Trim()}");
        }
    }

    private static IEnumerable<string> Split(string template)
    {
        var word = new StringBuilder();
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
