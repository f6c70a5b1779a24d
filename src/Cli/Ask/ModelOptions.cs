using System.CommandLine;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The options that <c>cos ask</c>, <c>chat</c>, <c>batch</c> and <c>profile</c> share: which model answers, and on what.</summary>
internal sealed class ModelOptions
{
    private const int MostThreads = 1024;

    public ModelOptions()
    {
        RequireRange(MaxTokens, 1);
        RequireRange(Threads, 0, MostThreads);
    }

    public Option<string?> Model { get; } = new("--model", "-m")
    {
        Description = "Folder of a LLaVA-1.5 checkpoint, Hugging Face or original layout, or a GGUF file, or a folder of GGUF files. "
            + $"Without it the built-in {DefaultModel.Name} answers, which knows drawn shapes only.",
        HelpName = "DIR|GGUF",
    };

    public Option<string?> Mmproj { get; } = ModelPaths.MmprojOption();

    public Option<int> MaxTokens { get; } = new("--max-tokens")
    {
        Description = "The most tokens that each pass decodes.",
        HelpName = "N",
        DefaultValueFactory = _ => AskOptions.DefaultMaxNewTokens,
    };

    public Option<DeviceChoice> Device { get; } = DeviceOption.Create();

    public Option<int> Threads { get; } = new("--threads", "-t") { Description = "CPU threads; 0 for one a core.", HelpName = "N" };

    public Option<KvElement?> KvCache { get; } = KvCacheOption.Create();

    public Option<Arithmetic?> Arithmetic { get; } = ArithmeticOption.Create();

    /// <summary>The folder or file of the model.</summary>
    public string PathIn(ParseResult parsed) => parsed.GetValue(Model) ?? DefaultModel.Folder;

    /// <summary>How the engine is set up.</summary>
    public EngineOptions EngineIn(ParseResult parsed) => new()
    {
        Device = parsed.GetValue(Device),
        Threads = parsed.GetValue(Threads),
        KvCache = parsed.GetValue(KvCache),
        Arithmetic = parsed.GetValue(Arithmetic),
        MmprojFile = parsed.GetValue(Mmproj),
    };

    /// <summary>Refuses numbers outside a range by naming option and range.</summary>
    public static void RequireRange(Option<int> option, int least, int most = int.MaxValue) => Require(
        option, value => value >= least && value <= most, $"{least} at least{(most < int.MaxValue ? $" and {most} at most" : "")}");

    /// <summary>Refuses other numbers than the expected ones by naming option and expectation.</summary>
    public static void Require(Option<int> option, Func<int, bool> isExpected, string expected) => option.Validators.Add(result =>
    {
        int value;
        try
        {
            value = result.GetValueOrDefault<int>();
        }
        catch (InvalidOperationException)
        {
            // No number at all: the parser says so itself, behind its validators.
            return;
        }
        if (!isExpected(value))
            result.AddError($"{option.Name} is {value}; expected {expected}.");
    });
}
