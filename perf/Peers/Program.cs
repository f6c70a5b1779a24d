using System.CommandLine;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.PeerBench;

/// <summary>Measures the language model of a GGUF file beside other programs that can run it: llama-bench and its relatives.</summary>
internal static class Program
{
    private const int PeerWords = 4;

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return await RunAsync(args, Console.Out).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ModelException or WeightFileException or IOException or ArgumentException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }
    }

    internal static async Task<int> RunAsync(string[] args, TextWriter writer)
    {
        var model = new Option<string>("--model", "-m") { Description = "GGUF file of a language model.", HelpName = "GGUF" };
        var peers = new Option<string[]>("--peer")
        {
            Description = "Another program: its name, and the commands of a prompt, of decoding, and of a process that ends behind its first token, "
                + "with {model}, {threads}, {prefill}, {depth} and {tokens} in them. Each prints what llama-bench does with \"-o json\". Any number.",
            HelpName = "NAME \"PREFILL\" \"DECODE\" \"FIRST\"",
            Arity = new ArgumentArity(PeerWords, 100 * PeerWords),
            AllowMultipleArgumentsPerToken = true,
        };
        var caches = new Option<KvElement[]>("--kv-cache")
        {
            Description = "Our key-value caches, each a program of its own in the comparison.",
            HelpName = "f32|f16|q8",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [KvElement.F16],
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "Folder of the results.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine("artifacts", "peers"),
        };
        Option<int> threads = CountOption.Create("--threads", "Threads of every program.", Environment.ProcessorCount);
        Option<int> rounds = CountOption.Create("--rounds", "How often every program runs every test.", 5);
        Option<int> prefill = CountOption.Create("--prefill", "Tokens of the prompt.", 600);
        Option<int> depth = CountOption.Create("--depth", "Tokens before the decoded ones.", 1300);
        Option<int> tokens = CountOption.Create("--tokens", "Tokens that are decoded.", 16);
        var root = new RootCommand("Measures the language model of a GGUF file beside other programs: prefill, decode, time to the first token, memory.")
        {
            model, peers, caches, output, threads, rounds, prefill, depth, tokens, new BenchCommand(writer),
        };
        root.SetAction((parsed, _) => RunAsync(
            new PeersOptions
            {
                Model = parsed.GetValue(model) ?? throw new ArgumentException("--model: a GGUF file is needed."),
                Output = parsed.GetRequiredValue(output),
                Threads = parsed.GetValue(threads),
                Rounds = parsed.GetValue(rounds),
                Prefill = parsed.GetValue(prefill),
                Depth = parsed.GetValue(depth),
                Tokens = parsed.GetValue(tokens),
                Programs =
                [
                    .. parsed.GetRequiredValue(caches).Select(cache => BenchProgram.Ours(cache.ToString())),
                    .. (parsed.GetValue(peers) ?? []).Chunk(PeerWords).Select(ToPeer),
                ],
            },
            writer));
        return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
    }

    private static BenchProgram ToPeer(string[] words) => words is [var name, var prefill, var decode, var first]
        ? BenchProgram.Peer(name, prefill, decode, first)
        : throw new ArgumentException($"--peer {words[0]}: expected a name and three commands.");

    private static async Task<int> RunAsync(PeersOptions options, TextWriter writer)
    {
        PeersResult result = await PeersRun.RunAsync(options, writer).ConfigureAwait(false);
        Directory.CreateDirectory(options.Output);
        string markdown = PeersReport.ToMarkdown(result);
        await File.WriteAllTextAsync(Path.Combine(options.Output, "peers.json"), result.ToJson()).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(options.Output, "peers.md"), markdown).ConfigureAwait(false);
        writer.WriteLine(markdown);
        writer.WriteLine($"written to {Path.GetFullPath(options.Output)}");
        return 0;
    }
}
