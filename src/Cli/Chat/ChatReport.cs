using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;

namespace ChainOfSpot.Cli.Chat;

/// <summary>What a chat writes: for people as it comes, for programs a line for each question.</summary>
internal sealed class ChatReport(Terminal terminal)
{
    private const string Margin = "  ";

    private bool _isInAnswer;

    /// <summary>Shows a picture; of the first one, who answers too.</summary>
    public void Begin(Picture picture, ChainOfSpotEngine? engine)
    {
        if (!terminal.IsInteractive)
            return;
        terminal.Out.WriteLine();
        if (TerminalPicture.Show(picture, terminal))
            terminal.Out.WriteLine();
        string answers = engine is null ? "" : $"; {engine.ModelName.Printable()} answers on {engine.DeviceName}; /help helps";
        terminal.Out.WriteLine(terminal.Faint($"{Margin}{picture.Width} x {picture.Height}{answers}"));
    }

    /// <summary>Asks for a line.</summary>
    public void Prompt()
    {
        if (!terminal.IsInteractive)
            return;
        terminal.Out.WriteLine();
        terminal.Out.Write(terminal.Bold("> "));
        terminal.Out.Flush();
    }

    /// <summary>No line comes any more.</summary>
    public void End()
    {
        if (terminal.IsInteractive)
            terminal.Out.WriteLine();
    }

    /// <summary>A question is being answered.</summary>
    public void BeginAnswer() => _isInAnswer = false;

    /// <summary>Shows what is new of an answer.</summary>
    public void Show(AnswerUpdate update)
    {
        if (!terminal.IsInteractive)
        {
            if (update.Answer is { } whole)
                terminal.Out.WriteLine(whole.Text.OnOneLine() + (whole.Region is { } region ? $"\t{region.Text.OnOneLine()}" : ""));
        }
        else if (update.Region is { } region)
        {
            ShowRegion(region);
        }
        else if (update.Answer is null)
        {
            terminal.Out.Write((_isInAnswer ? "" : Margin) + terminal.Highlight(update.Text.Printable().Replace("\n", $"\n{Margin}", StringComparison.Ordinal)));
            _isInAnswer = true;
        }
        else
        {
            terminal.Out.WriteLine(_isInAnswer ? "" : Margin + terminal.Faint("(no text)"));
            _isInAnswer = false;
        }
        terminal.Out.Flush();
    }

    /// <summary>Tells what went wrong. A question's line is there for programs all the same, and empty.</summary>
    public void Fail(CommandError error, bool isQuestion)
    {
        if (_isInAnswer || (isQuestion && !terminal.IsInteractive))
            terminal.Out.WriteLine();
        _isInAnswer = false;
        terminal.Out.Flush();
        error.Write(terminal, asJson: false);
    }

    /// <summary>Writes some lines.</summary>
    public void Say(string text)
    {
        foreach (string line in text.Split('\n'))
            terminal.Out.WriteLine(Margin + line.TrimEnd());
    }

    /// <summary>What the last question cost.</summary>
    public void Stats(string question, Answer answer, Picture picture, ChainOfSpotEngine engine, int turns)
    {
        var result = new AskResult
        {
            Question = question,
            Picture = picture,
            Answer = answer,
            Device = engine.DeviceName,
            Model = engine.ModelPath,
            LoadTime = TimeSpan.Zero,
            PictureTime = TimeSpan.Zero,
            TotalTime = answer.Timings.Total,
        };
        var report = new AskReport(terminal);
        report.WriteTokens(answer);
        // The model and the picture were there before.
        report.WriteStages([.. result.Stages.Skip(2)]);
        Say($"conversation: {turns} questions; {engine.FreeCachePositions} positions of the cache free, {engine.ReusedBytes / 1e6:0.0} MB kept for questions to come");
    }

    private void ShowRegion(AnswerRegion region)
    {
        string where = region.IsFallback
            ? $"the whole picture again ({region.Text.OnOneLine()}: {RegionNotes.Of(region.Problem)})"
            : $"{region.Text.OnOneLine()}, x {region.Pixels.Left} to {region.Pixels.Right}, y {region.Pixels.Top} to {region.Pixels.Bottom}";
        terminal.Out.WriteLine(terminal.Faint($"{Margin}looks at {where}"));
        if (region.IsUntuned)
            terminal.Out.WriteLine(terminal.Warning($"{Margin}The model hardly would have named a region by itself: it does not seem to be tuned for Chain-of-Spot."));
    }
}
