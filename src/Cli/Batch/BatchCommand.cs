using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Output;

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

    private readonly Option<int> _parallel = new("--parallel", "-p")
    {
        Description = "How many questions are asked at a time.",
        HelpName = "N",
        DefaultValueFactory = _ => 32,
    };

    private readonly Option<bool> _direct = new("--direct") { Description = "One plain pass each, without looking twice." };

    private readonly Option<bool> _freeRegion = new("--free-region") { Description = "Lets the model say anything where it is asked where to look." };

    private readonly Option<int> _cachePositions = new("--cache-positions")
    {
        Description = "Positions that the key-value cache has memory for, of all questions together; 0 for two of the model's contexts.",
        HelpName = "N",
    };

    private readonly ModelOptions _shared = new();

    public BatchCommand(Terminal terminal)
        : base("batch", "Answers a file of questions, many of them at a time.")
    {
        Add(_questions);
        foreach (Option option in (ReadOnlySpan<Option>)
        [
            _out, _shared.Model, _shared.Mmproj, _parallel, _direct, _freeRegion,
            _shared.MaxTokens, _shared.Device, _shared.Threads, _cachePositions, _shared.KvCache, _shared.Arithmetic,
        ])
            Add(option);
        ModelOptions.RequireRange(_parallel, 1, MostParallel);
        ModelOptions.RequireRange(_cachePositions, 0);
        SetAction((parsed, cancellation) => BatchRun.RunAsync(
            new BatchRequest
            {
                Questions = parsed.GetRequiredValue(_questions),
                Out = parsed.GetRequiredValue(_out),
                Model = _shared.PathIn(parsed),
                Parallel = parsed.GetValue(_parallel),
                Engine = _shared.EngineIn(parsed) with { CachePositions = parsed.GetValue(_cachePositions) },
                Ask = new AskOptions
                {
                    Direct = parsed.GetValue(_direct),
                    FreeRegion = parsed.GetValue(_freeRegion),
                    MaxNewTokens = parsed.GetValue(_shared.MaxTokens),
                },
            },
            terminal,
            cancellation));
    }
}
