using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Profile;

/// <summary><c>cos profile</c>: one question with every operation of the device timed.</summary>
internal sealed class ProfileCommand : Command
{
    private readonly Argument<string> _picture = new("picture") { Description = "A JPEG, PNG, WebP, GIF or BMP file." };

    private readonly Argument<string> _question = new("question") { Description = "The question, in quotes." };

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = $"Folder of a LLaVA-1.5 checkpoint, a GGUF file, or a folder of GGUF files; without it the built-in {DefaultModel.Name}.",
        HelpName = "DIR|GGUF",
    };

    private readonly Option<string?> _mmproj = ModelPaths.MmprojOption();

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

    private readonly Option<int> _maxTokens = new("--max-tokens")
    {
        Description = "The most tokens that each pass decodes.",
        HelpName = "N",
        DefaultValueFactory = _ => AskOptions.DefaultMaxNewTokens,
    };

    private readonly Option<KvElement> _kvCache = KvCacheOption.Create();

    private readonly Option<DeviceChoice> _device = DeviceOption.Create();

    private readonly Option<Arithmetic?> _arithmetic = ArithmeticOption.Create();

    private readonly Option<int> _threads = new("--threads", "-t") { Description = "CPU threads; 0 for one a core.", HelpName = "N" };

    public ProfileCommand(Terminal terminal)
        : base("profile", "Asks a question and says how long every operation took, and how close it came to what this machine can do.")
    {
        Add(_picture);
        Add(_question);
        foreach (Option option in (ReadOnlySpan<Option>)[_model, _mmproj, _trace, _warm, _direct, _noReuse, _maxTokens, _device, _threads, _kvCache, _arithmetic])
            Add(option);
        _question.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>()))
                result.AddError("The question is empty.");
        });
        RequireAtLeast(_maxTokens, 1);
        RequireAtLeast(_threads, 0);
        SetAction((parsed, cancellation) => ProfileRun.RunAsync(
            new ProfileRequest
            {
                Picture = parsed.GetRequiredValue(_picture),
                Question = parsed.GetRequiredValue(_question),
                Model = parsed.GetValue(_model) ?? DefaultModel.Folder,
                TracePath = parsed.GetValue(_trace),
                Warm = parsed.GetValue(_warm),
                Engine = new EngineOptions
                {
                    Device = parsed.GetValue(_device),
                    Threads = parsed.GetValue(_threads),
                    MmprojFile = parsed.GetValue(_mmproj),
                    KvCache = parsed.GetValue(_kvCache),
                    Arithmetic = parsed.GetValue(_arithmetic),
                },
                Ask = new AskOptions
                {
                    Direct = parsed.GetValue(_direct),
                    Reuse = !parsed.GetValue(_noReuse),
                    MaxNewTokens = parsed.GetValue(_maxTokens),
                },
            },
            terminal,
            cancellation));
    }

    private static void RequireAtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least)
            result.AddError($"{option.Name} is {result.GetValueOrDefault<int>()}; expected {least} at least.");
    });
}
