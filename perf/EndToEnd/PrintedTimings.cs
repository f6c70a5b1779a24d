using System.Globalization;
using System.Text.RegularExpressions;

namespace ChainOfSpot.EndToEnd;

/// <summary>
/// The timings that llama.cpp and its relatives print when they end, such as
/// <code>
/// llama_perf_context_print: prompt eval time =    9211.05 ms /   617 tokens (...)
/// llama_perf_context_print:        eval time =    1508.13 ms /    15 runs   (...)
/// </code>
/// The prompt's time runs from its first row to its last, with the encoding of pictures between them. The first generated token
/// comes from the prompt's last row and is no run of its own.
/// </summary>
internal static partial class PrintedTimings
{
    /// <summary>The stages of one run; without times and counts where nothing of the kind was printed.</summary>
    /// <param name="printed">All that the program printed.</param>
    /// <param name="seconds">What the run took.</param>
    public static PeerAnswer Read(string printed, double seconds)
    {
        Match prompt = PromptEval().Match(printed);
        if (!prompt.Success)
            return new PeerAnswer(seconds, null, null, 0, 0, 0);
        Match eval = Eval().Match(printed);
        return new PeerAnswer(
            seconds,
            Milliseconds(prompt) / 1e3,
            eval.Success ? Milliseconds(eval) / 1e3 : null,
            Tokens(prompt),
            0,
            eval.Success ? Tokens(eval) + 1 : 0);
    }

    private static double Milliseconds(Match match) => double.Parse(match.Groups["ms"].ValueSpan, CultureInfo.InvariantCulture);

    private static int Tokens(Match match) => int.Parse(match.Groups["tokens"].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"prompt eval time = +(?<ms>[\d.]+) ms / +(?<tokens>\d+) tokens")]
    private static partial Regex PromptEval();

    [GeneratedRegex(@"(?<!prompt )eval time = +(?<ms>[\d.]+) ms / +(?<tokens>\d+) (?:runs|tokens)")]
    private static partial Regex Eval();
}
