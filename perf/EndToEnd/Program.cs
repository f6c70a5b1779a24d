using System.CommandLine;
using ChainOfSpot.Images;
using ChainOfSpot.Measurement;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.EndToEnd;

/// <summary>Measures whole questions on a checkpoint: with reuse, without, a second question, direct, and a peer beside them.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        try
        {
            return await RunAsync(args, Console.Out).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ModelException or WeightFileException or PictureException or IOException or ArgumentException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }
    }

    internal static async Task<int> RunAsync(string[] args, TextWriter writer)
    {
        string tiny = Path.Combine("models", "spot-tiny");
        var model = new Option<string>("--model", "-m") { Description = "Folder of a LLaVA-1.5 checkpoint.", HelpName = "DIR", DefaultValueFactory = _ => tiny };
        var picture = new Option<string>("--picture", "-p")
        {
            Description = "The picture.",
            HelpName = "FILE",
            DefaultValueFactory = _ => Path.Combine(tiny, "samples", "shapes-1.png"),
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "Folder of the results.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine("artifacts", "end-to-end"),
        };
        Option<int> threads = CountOption.Threads();
        Option<int> rounds = CountOption.Create("--rounds", "How often every job is run and every point of the curves measured.", 5);
        Option<int> tokens = CountOption.Create("--tokens", "Tokens that each pass decodes.", 16);
        Option<int> points = CountOption.Create("--points", "Points of the curves over questions, pictures and context; 0 for none.", 5, least: 0);
        var peer = new Option<string?>("--peer")
        {
            Description = "Another program on the same work, in the same rounds: a command, or the address of an OpenAI-compatible server.",
            HelpName = "\"COMMAND {image} {question}\"|http://HOST:PORT",
        };
        var peerFields = new Option<string?>("--peer-fields")
        {
            Description = "Members of every request to the server, such as '{\"ignore_eos\": true}'.",
            HelpName = "JSON",
        };
        var root = new RootCommand("Measures whole questions on a checkpoint, from the picture to the answer.")
        {
            model, picture, output, threads, rounds, tokens, points, peer, peerFields,
        };
        root.SetAction((parsed, _) => RunAsync(
            new EndToEndOptions
            {
                Model = parsed.GetRequiredValue(model),
                Picture = parsed.GetRequiredValue(picture),
                Output = parsed.GetRequiredValue(output),
                Threads = parsed.GetValue(threads),
                Rounds = parsed.GetValue(rounds),
                NewTokens = parsed.GetValue(tokens),
                Points = parsed.GetValue(points),
                Peer = parsed.GetValue(peer),
                PeerFields = parsed.GetValue(peerFields),
            },
            writer));
        return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(EndToEndOptions options, TextWriter writer)
    {
        EndToEndResult result = await EndToEndRun.RunAsync(options, writer).ConfigureAwait(false);
        Directory.CreateDirectory(options.Output);
        string markdown = EndToEndReport.ToMarkdown(result);
        await File.WriteAllTextAsync(Path.Combine(options.Output, "end-to-end.json"), result.ToJson()).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(options.Output, "end-to-end.md"), markdown).ConfigureAwait(false);
        if (result.Growth is { } growth)
            GrowthPlots.Save(growth, options.Output);
        writer.WriteLine(markdown);
        writer.WriteLine($"written to {Path.GetFullPath(options.Output)}");
        return 0;
    }
}
