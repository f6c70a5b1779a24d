using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Chat;

/// <summary><c>cos chat</c>: one question after the other about a picture.</summary>
internal sealed class ChatCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Lines that begin with / are commands; /help lists them. Ctrl+C cancels a question; with none open it ends the chat, as the
        end of the input does. Where the input is no terminal, each question's line gives one line: the answer, a tab and the region.

        Examples:
          cos chat shapes.png                                                    the model that comes with the tool
          cos chat photo.jpg --model llava-1.5-7b                                a checkpoint of your own
          cos chat shapes.png < questions.txt > answers.txt                      a line for each question
        """;

    private readonly Argument<string> _picture = new("picture") { Description = "A JPEG, PNG, WebP, GIF or BMP file." };

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = $"Folder of a LLaVA-1.5 checkpoint, a GGUF file, or a folder of GGUF files; without it the built-in {DefaultModel.Name}.",
        HelpName = "DIR|GGUF",
    };

    private readonly Option<string?> _mmproj = ModelPaths.MmprojOption();

    private readonly Option<bool> _freeRegion = new("--free-region") { Description = "Lets the model say anything where it is asked where to look." };

    private readonly Option<int> _maxTokens = new("--max-tokens")
    {
        Description = "The most tokens that each pass decodes.",
        HelpName = "N",
        DefaultValueFactory = _ => AskOptions.DefaultMaxNewTokens,
    };

    private readonly Option<DeviceChoice> _device = DeviceOption.Create();

    private readonly Option<int> _threads = new("--threads", "-t") { Description = "CPU threads; 0 for one a core.", HelpName = "N" };

    private readonly Option<KvElement> _kvCache = KvCacheOption.Create();

    private readonly Option<Arithmetic?> _arithmetic = ArithmeticOption.Create();

    public ChatCommand(Terminal terminal)
        : base("chat", "Answers questions about a picture, one after the other, each behind those before it.")
    {
        Add(_picture);
        foreach (Option option in (ReadOnlySpan<Option>)[_model, _mmproj, _freeRegion, _maxTokens, _device, _threads, _kvCache, _arithmetic])
            Add(option);
        RequireAtLeast(_maxTokens, 1);
        RequireAtLeast(_threads, 0);
        SetAction((parsed, cancellation) => ChatRun.RunAsync(
            new ChatRequest
            {
                Picture = parsed.GetRequiredValue(_picture),
                Model = parsed.GetValue(_model) ?? DefaultModel.Folder,
                Engine = new EngineOptions
                {
                    Device = parsed.GetValue(_device),
                    Threads = parsed.GetValue(_threads),
                    KvCache = parsed.GetValue(_kvCache),
                    Arithmetic = parsed.GetValue(_arithmetic),
                    MmprojFile = parsed.GetValue(_mmproj),
                },
                Ask = new AskOptions
                {
                    FreeRegion = parsed.GetValue(_freeRegion),
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
