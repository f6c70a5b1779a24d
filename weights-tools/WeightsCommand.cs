using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using ChainOfSpot.WeightsTools.Commands;

namespace ChainOfSpot.WeightsTools;

/// <summary>The <c>cos-weights</c> tool: its commands, and what all of them do with a bad command line and with errors.</summary>
internal static class WeightsCommand
{
    private const string Examples = """
        Examples:
          cos-weights inspect llava-1.5-7b                              what a checkpoint holds, and what it lacks
          cos-weights verify llava-1.5-7b                               reads everything: hashes, and no NaN
          cos-weights convert llava-v1.5-7b -o llava-hf                 any layout to a Hugging Face checkpoint
          cos-weights quantize llava-hf --type q4_k_m -o llava-gguf     to GGUF, 4 bits a weight
          cos-weights compare llava-hf llava-other --text prose.txt     how far two models' answers are apart
          cos-weights random --shape tiny -o tiny                       a model to test with
        """;

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code: 0, 1 for an error, 2 for a bad command line, 130 after Ctrl+C.</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            ParseResult parsed = Create(terminal).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            return parsed.Action switch
            {
                ParseErrorAction => throw new CommandException(parsed.Errors[0].Message + HelpHint(parsed), isUsage: true),
                AsynchronousCommandLineAction action => await action.InvokeAsync(parsed, cancellation).ConfigureAwait(false),
                _ => parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    Output = terminal.Out,
                    Error = terminal.Error,
                }),
            };
        }
        catch (Exception error)
        {
            (string message, int exitCode) = ErrorLine.Of(error);
            terminal.Error.WriteLine($"cos-weights: {message}");
            return exitCode;
        }
    }

    private static RootCommand Create(Terminal terminal)
    {
        var inspect = new InspectCommand(terminal);
        var verify = new VerifyCommand(terminal);
        var convert = new ConvertCommand(terminal);
        var quantize = new QuantizeCommand(terminal);
        var compare = new CompareCommand(terminal);
        var random = new RandomCommand(terminal);
        var root = new RootCommand("Handles the weights of LLaVA-1.5 checkpoints: Hugging Face, original LLaVA and GGUF.")
        {
            inspect,
            verify,
            convert,
            quantize,
            compare,
            random,
        };
        var help = new HelpWithExamples(new Dictionary<Command, string>
        {
            [root] = Examples,
            [inspect] = InspectCommand.Examples,
            [verify] = VerifyCommand.Examples,
            [convert] = ConvertCommand.Examples,
            [quantize] = QuantizeCommand.Examples,
            [compare] = CompareCommand.Examples,
            [random] = RandomCommand.Examples,
        });
        root.Options.OfType<HelpOption>().Single().Action = help;
        root.SetAction(help.Invoke);
        return root;
    }

    private static string HelpHint(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        return command is RootCommand ? " See cos-weights --help." : $" See cos-weights {command.Name} --help.";
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
