using System.Globalization;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The result as people read it: the answer first, then where it came from and what it cost.</summary>
internal sealed class AskReport(Terminal terminal)
{
    private const int LabelWidth = 9;
    private const string Margin = "  ";

    public void Write(AskResult result, AskRequest request)
    {
        Answer answer = result.Answer;
        Line();
        foreach (string line in answer.Text.Printable().Split('\n'))
            Line(terminal.Highlight(line));
        if (answer.Text.Length == 0)
            Line(terminal.Faint("(no text)"));
        Line();
        if (answer.Region is { } region)
            WriteRegion(region, result, isGiven: request.Ask.RegionText is not null);
        else
            Field("region", terminal.Faint("none: one direct pass over the whole picture"));
        Field("likely", Text($"answer {answer.Probability:P1}{RegionProbability(answer.Region, request)}"));
        WriteTokens(answer);
        foreach (PassResult pass in answer.Passes.Where(pass => pass.TopLogits.Count > 0))
            Field("logits", $"{CliJson.NameOf(pass.Kind)}: {string.Join("  ", pass.TopLogits.Select(top => Text($"{top.Id} {top.Value:0.0000}")))}");
        Field("model", request.Model is null
            ? $"{DefaultModel.Name}{terminal.Faint(" (knows drawn shapes only; --model DIR takes a LLaVA-1.5 checkpoint)")}"
            : result.Model.Printable());
        Field("device", result.Device);
        Line();
        WriteStages(result.Stages);
        Line();
        WriteReuse(result, request);
        if (request.OverlayPath is not null)
            Field("overlay", request.OverlayPath.Printable());
        if (request.CropPath is not null)
            Field("crop", request.CropPath.Printable());
    }

    private void WriteRegion(AnswerRegion region, AskResult result, bool isGiven)
    {
        Field("region", region.Text.OnOneLine() + (isGiven ? terminal.Faint(" (given)") : ""));
        if (region.IsFallback)
            Field("", terminal.Warning($"No crop comes of this: {RegionNotes.Of(region.Problem)}. The second pass looked at the whole picture again."));
        if (region.IsUntuned)
            Field("", terminal.Warning("The model hardly would have named a region by itself: it does not seem to be tuned for Chain-of-Spot."));
        PixelBox pixels = region.Pixels;
        if (pixels.Width <= 0 || pixels.Height <= 0)
            Field("", terminal.Warning("It lies outside of the picture: the second pass saw padding only."));
        else
            Field("pixels", $"x {pixels.Left} to {pixels.Right}, y {pixels.Top} to {pixels.Bottom} ({pixels.Width} x {pixels.Height} of {result.Picture.Width} x {result.Picture.Height})");
    }

    private static string RegionProbability(AnswerRegion? region, AskRequest request) => region?.Probability is { } probability
        ? Text($", region {probability:P1}{(request.Ask.FreeRegion || request.Ask.IgnoreEndToken ? "" : " among legal ones")}")
        : "";

    /// <summary>The tokens of all passes.</summary>
    public void WriteTokens(Answer answer) => Field(
        "tokens", $"{answer.Usage.InputTokens} input, {answer.Usage.CachedInputTokens} of them cached; {answer.Usage.OutputTokens} output");

    /// <summary>A table of stages; the last one is all of them together.</summary>
    public void WriteStages(IReadOnlyList<AskStage> stages)
    {
        Line(terminal.Faint(Row("stage", "ms", "tokens", "tokens/s")));
        foreach (AskStage stage in stages)
        {
            string row = Row(
                stage.Name.Replace('_', ' '),
                Text($"{stage.Time.TotalMilliseconds:0.0}"),
                stage.Tokens is { } tokens ? Text($"{tokens}") : "",
                stage.TokensPerSecond is { } rate ? Text($"{rate:0}") : "");
            Line(stage == stages[^1] ? terminal.Bold(row) : row);
        }
    }

    private void WriteReuse(AskResult result, AskRequest request)
    {
        if (result.Answer.Passes.Count < 2)
            return;
        int cached = result.Answer.Passes[1].CachedTokens;
        if (cached > 0)
            Line(Text($"Reuse saved about {result.ReuseSaving.TotalMilliseconds:0.0} ms: pass 2 went on behind {cached} cached tokens and did not encode the picture again."));
        else if (!request.Ask.Reuse)
            Line("Reuse was off: the second pass encoded the picture and its whole prompt anew.");
        Line();
    }

    private static string Row(string stage, string time, string tokens, string rate) => $"{stage,-16}{time,10}{tokens,10}{rate,12}".TrimEnd();

    private void Field(string label, string text) => Line($"{terminal.Faint(label.PadRight(LabelWidth))}{text}");

    private void Line(string text = "") => terminal.Out.WriteLine(text.Length == 0 ? "" : $"{Margin}{text.TrimEnd()}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
