using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Batch;

/// <summary><c>cos batch</c>: a file of questions, many of them at a time.</summary>
internal sealed class BatchCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Each line of the file is a JSON object with "image", a path relative to the file, and "question"; its other keys are
        carried over. Each line of the output is that object with "result", which is what "cos ask --json" prints. A run that was
        interrupted goes on where it stopped.

        Examples:
          cos batch questions.jsonl --out answers.jsonl                          the model that comes with the tool
          cos batch questions.jsonl --out answers.jsonl --model llava-1.5-7b     a checkpoint of your own
        """;

    private const int MostParallel = 4096;

    private readonly Argument<string> _questions = new("questions") { Description = "A file of questions, one JSON object a line." };

    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "Where the answers go, one line for each question. What is there of an earlier run is kept.",
        HelpName = "JSONL",
        Required = true,
    };

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = $"Folder of a LLaVA-1.5 checkpoint, a GGUF file, or a folder of GGUF files; without it the built-in {DefaultModel.Name}.",
        HelpName = "DIR|GGUF",
    };

    private readonly Option<string?> _mmproj = ModelPaths.MmprojOption();

    private readonly Option<int> _parallel = new("--parallel", "-p")
    {
        Description = "How many questions are asked at a time.",
        HelpName = "N",
        DefaultValueFactory = _ => 32,
    };

    private readonly Option<bool> _direct = new("--direct") { Description = "One plain pass each, without looking twice." };

    private readonly Option<bool> _freeRegion = new("--free-region") { Description = "Lets the model say anything where it is asked where to look." };

    private readonly Option<int> _maxTokens = new("--max-tokens")
    {
        Description = "The most tokens that each pass decodes.",
        HelpName = "N",
        DefaultValueFactory = _ => AskOptions.DefaultMaxNewTokens,
    };

    private readonly Option<DeviceChoice> _device = DeviceOption.Create();

    private readonly Option<int> _threads = new("--threads", "-t") { Description = "CPU threads; 0 for one a core.", HelpName = "N" };

    private readonly Option<int> _cachePositions = new("--cache-positions")
    {
        Description = "Positions that the key-value cache has memory for, of all questions together; 0 for two of the model's contexts.",
        HelpName = "N",
    };

    private readonly Option<KvElement> _kvCache = KvCacheOption.Create();

    private readonly Option<Arithmetic?> _arithmetic = ArithmeticOption.Create();

    public BatchCommand(Terminal terminal)
        : base("batch", "Answers a file of questions, many of them at a time.")
    {
        Add(_questions);
        foreach (Option option in (ReadOnlySpan<Option>)[_out, _model, _mmproj, _parallel, _direct, _freeRegion, _maxTokens, _device, _threads, _cachePositions, _kvCache, _arithmetic])
            Add(option);
        RequireRange(_parallel, 1, MostParallel);
        RequireRange(_maxTokens, 1, int.MaxValue);
        RequireRange(_threads, 0, int.MaxValue);
        RequireRange(_cachePositions, 0, int.MaxValue);
        SetAction((parsed, cancellation) => BatchRun.RunAsync(
            new BatchRequest
            {
                Questions = parsed.GetRequiredValue(_questions),
                Out = parsed.GetRequiredValue(_out),
                Model = parsed.GetValue(_model) ?? DefaultModel.Folder,
                Parallel = parsed.GetValue(_parallel),
                Engine = new EngineOptions
                {
                    Device = parsed.GetValue(_device),
                    Threads = parsed.GetValue(_threads),
                    CachePositions = parsed.GetValue(_cachePositions),
                    KvCache = parsed.GetValue(_kvCache),
                    Arithmetic = parsed.GetValue(_arithmetic),
                    MmprojFile = parsed.GetValue(_mmproj),
                },
                Ask = new AskOptions
                {
                    Direct = parsed.GetValue(_direct),
                    FreeRegion = parsed.GetValue(_freeRegion),
                    MaxNewTokens = parsed.GetValue(_maxTokens),
                },
            },
            terminal,
            cancellation));
    }

    private static void RequireRange(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        int value = result.GetValueOrDefault<int>();
        if (value < least || value > most)
            result.AddError($"{option.Name} is {value}; expected {least} at least{(most < int.MaxValue ? $" and {most} at most" : "")}.");
    });
}
