namespace ChainOfSpot.Cli.Output;

/// <summary>Where a command writes to, and whether people watch.</summary>
/// <param name="Out">Standard output: the result.</param>
/// <param name="Error">Standard error: one line for an error, and progress.</param>
/// <param name="Colors">Whether the result is shown by a terminal that understands colours.</param>
/// <param name="ShowsProgress">Whether standard error is a terminal.</param>
internal sealed record Terminal(TextWriter Out, TextWriter Error, bool Colors = false, bool ShowsProgress = false)
{
    /// <summary>Standard input.</summary>
    public TextReader In { get; init; } = TextReader.Null;

    /// <summary>Whether people type and read here: input and output are terminals.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>Whether the terminal shows sixels; asked once, where it matters.</summary>
    public Lazy<bool> ReadsSixels { get; init; } = new(() => false);

    /// <summary>Where Ctrl+C arrives.</summary>
    public Interrupts Interrupts { get; init; } = new(new CancellationTokenSource());

    /// <summary>The terminal of this process; colours as https://no-color.org has them.</summary>
    /// <param name="program">What Ctrl+C ends.</param>
    public static Terminal OfProcess(CancellationTokenSource program)
    {
        bool plain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") == "dumb";
        return new Terminal(Console.Out, Console.Error, Colors: !plain && !Console.IsOutputRedirected, ShowsProgress: !Console.IsErrorRedirected)
        {
            In = Console.In,
            IsInteractive = !Console.IsInputRedirected && !Console.IsOutputRedirected,
            Interrupts = new Interrupts(program),
            ReadsSixels = new Lazy<bool>(SixelQuery.AskConsole),
        };
    }

    public string Bold(string text) => Styled("1", text);

    public string Faint(string text) => Styled("2", text);

    public string Warning(string text) => Styled("33", text);

    public string Highlight(string text) => Styled("1;36", text);

    private string Styled(string style, string text) => Colors ? $"\e[{style}m{text}\e[0m" : text;
}
