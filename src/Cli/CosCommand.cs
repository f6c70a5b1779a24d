using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Batch;
using ChainOfSpot.Cli.Chat;
using ChainOfSpot.Cli.Devices;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Cli.Profile;

namespace ChainOfSpot.Cli;

/// <summary>The <c>cos</c> tool: its commands, and what all of them do with a bad command line and with errors.</summary>
internal static class CosCommand
{
    /// <summary>The option of every command that makes it print one JSON object.</summary>
    public const string JsonOption = "--json";

    private const string Examples = """
        Examples:
          cos ask photo.jpg "What is written on the sign?" --model DIR     a question to a LLaVA-1.5 checkpoint
          cos ask shapes.png "What number is on the red circle?"           one to the model that comes with the tool
          cos ask --help                                                   more examples and all options
          cos chat photo.jpg                                               question after question
          cos batch questions.jsonl --out answers.jsonl                    a file of questions
          cos devices                                                      what computes here, and how fast it is
        """;

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code: 0, 1 for an error, 2 for a bad command line, 130 after a cancellation.</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancellation)
    {
        bool asJson = args.Contains(JsonOption);
        try
        {
            ParseResult parsed = Create(terminal).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            return parsed.Action switch
            {
                ParseErrorAction => throw new CommandException(ErrorCodes.BadOption, parsed.Errors[0].Message + HelpHint(parsed)),
                // The library's own pipeline would only add its handling of signals and errors, and the time to compile it.
                AsynchronousCommandLineAction action => await action.InvokeAsync(parsed, cancellation).ConfigureAwait(false),
                _ => parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = terminal.Out, Error = terminal.Error }),
            };
        }
        catch (Exception error)
        {
            return CommandError.Of(error).Write(terminal, asJson);
        }
    }

    private static RootCommand Create(Terminal terminal)
    {
        var ask = new AskCommand(terminal);
        var chat = new ChatCommand(terminal);
        var batch = new BatchCommand(terminal);
        var root = new RootCommand("Asks LLaVA-1.5 about a picture by looking twice: where to look, then at that (Chain-of-Spot, arXiv 2403.12966).")
        {
            ask,
            chat,
            batch,
            new DevicesCommand(terminal),
            new ProfileCommand(terminal),
        };
        var help = new HelpWithExamples(new Dictionary<Command, string>
        {
            [root] = Examples,
            [ask] = AskCommand.Examples,
            [chat] = ChatCommand.Examples,
            [batch] = BatchCommand.Examples,
        });
        root.Options.OfType<HelpOption>().Single().Action = help;
        root.SetAction(help.Invoke);
        return root;
    }

    private static string HelpHint(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        return command is RootCommand ? " See cos --help." : $" See cos {command.Name} --help.";
    }

    /// <summary>The generated help, and below it what no list of options teaches.</summary>
    private sealed class HelpWithExamples(Dictionary<Command, string> examples) : SynchronousCommandLineAction
    {
        private readonly HelpAction _generated = new();

        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int exitCode = _generated.Invoke(parseResult);
            if (examples.TryGetValue(parseResult.CommandResult.Command, out string? text))
                parseResult.InvocationConfiguration.Output.WriteLine(text);
            return exitCode;
        }
    }
}
