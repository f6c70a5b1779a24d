using System.CommandLine;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Output;

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

    private readonly Option<bool> _freeRegion = new("--free-region") { Description = "Lets the model say anything where it is asked where to look." };

    private readonly ModelOptions _shared = new();

    public ChatCommand(Terminal terminal)
        : base("chat", "Answers questions about a picture, one after the other, each behind those before it.")
    {
        Add(_picture);
        foreach (Option option in (ReadOnlySpan<Option>)
        [
            _shared.Model, _shared.Mmproj, _freeRegion, _shared.MaxTokens, _shared.Device, _shared.Threads,
            _shared.KvCache, _shared.Arithmetic,
        ])
            Add(option);
        SetAction((parsed, cancellation) => ChatRun.RunAsync(
            new ChatRequest
            {
                Picture = parsed.GetRequiredValue(_picture),
                Model = _shared.PathIn(parsed),
                Engine = _shared.EngineIn(parsed),
                Ask = new AskOptions
                {
                    FreeRegion = parsed.GetValue(_freeRegion),
                    MaxNewTokens = parsed.GetValue(_shared.MaxTokens),
                },
            },
            terminal,
            cancellation));
    }
}
