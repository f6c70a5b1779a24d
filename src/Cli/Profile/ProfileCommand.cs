using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Output;

namespace ChainOfSpot.Cli.Profile;

/// <summary><c>cos profile</c>: one question with every operation of the device timed.</summary>
internal sealed class ProfileCommand : Command
{
    private readonly Argument<string> _picture = new("picture") { Description = "A JPEG, PNG, WebP, GIF or BMP file." };

    private readonly Argument<string> _question = new("question") { Description = "The question, in quotes." };

    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "Writes every operation as a trace that https://ui.perfetto.dev and chrome://tracing show.",
        HelpName = "JSON",
    };

    private readonly Option<bool> _warm = new("--warm")
    {
        Description = "Asks once before, so that nothing is compiled or read from the disk while it is timed.",
    };

    private readonly Option<bool> _direct = new("--direct") { Description = "One plain pass, without looking twice." };

    private readonly Option<bool> _noReuse = new("--no-reuse") { Description = "Computes the second pass from scratch, as without a cache." };

    private readonly ModelOptions _shared = new();

    public ProfileCommand(Terminal terminal)
        : base("profile", "Asks a question and says how long every operation took, and how close it came to what this machine can do.")
    {
        Add(_picture);
        Add(_question);
        foreach (Option option in (ReadOnlySpan<Option>)
        [
            _shared.Model, _shared.Mmproj, _trace, _warm, _direct, _noReuse,
            _shared.MaxTokens, _shared.Device, _shared.Threads, _shared.KvCache, _shared.Arithmetic,
        ])
            Add(option);
        _question.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>()))
                result.AddError("The question is empty.");
        });
        SetAction((parsed, cancellation) => ProfileRun.RunAsync(
            new ProfileRequest
            {
                Picture = parsed.GetRequiredValue(_picture),
                Question = parsed.GetRequiredValue(_question),
                Model = _shared.PathIn(parsed),
                TracePath = parsed.GetValue(_trace),
                Warm = parsed.GetValue(_warm),
                Engine = _shared.EngineIn(parsed),
                Ask = new AskOptions
                {
                    Direct = parsed.GetValue(_direct),
                    Reuse = !parsed.GetValue(_noReuse),
                    MaxNewTokens = parsed.GetValue(_shared.MaxTokens),
                },
            },
            terminal,
            cancellation));
    }
}
