using System.CommandLine;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.PeerBench;

/// <summary>One test of this engine, printed as llama-bench prints one; what the comparison starts, in a process of its own.</summary>
internal sealed class BenchCommand : Command
{
    public new const string Name = "bench";

    private readonly Option<string> _model = new("--model", "-m") { Description = "GGUF file of a language model.", HelpName = "GGUF", Required = true };
    private readonly Option<int> _threads = new("--threads", "-t") { Description = "CPU threads; 0 for one a core.", HelpName = "N" };
    private readonly Option<int> _prompt = new("--prompt") { Description = "Tokens of a prompt.", HelpName = "N" };
    private readonly Option<int> _depth = new("--depth") { Description = "Tokens before the generated ones.", HelpName = "N" };
    private readonly Option<int> _generate = new("--generate") { Description = "Tokens that are generated, without --prompt.", HelpName = "N" };
    private readonly Option<bool> _noWarmUp = new("--no-warm-up") { Description = "The first run counts." };

    private readonly Option<KvElement> _cache = new("--kv-cache")
    {
        Description = "How the key-value cache is stored.",
        HelpName = "f32|f16|q8",
        DefaultValueFactory = _ => KvElement.F16,
    };

    public BenchCommand(TextWriter writer)
        : base(Name, "Measures this engine alone: a prompt, or tokens behind a context.")
    {
        foreach (Option option in (Option[])[_model, _threads, _prompt, _depth, _generate, _noWarmUp, _cache])
            Add(option);
        Validators.Add(result =>
        {
            int prompt = result.GetValue(_prompt);
            int generate = result.GetValue(_generate);
            if (Math.Min(prompt, generate) != 0 || Math.Max(prompt, generate) < 1 || result.GetValue(_depth) < 0)
                result.AddError("Expected tokens of a prompt, or tokens to generate.");
        });
        SetAction(parsed => writer.WriteLine(Run(parsed).ToJson()));
    }

    private LlamaBenchLine Run(ParseResult parsed)
    {
        int prompt = parsed.GetValue(_prompt);
        int depth = parsed.GetValue(_depth);
        int generate = parsed.GetValue(_generate);
        int positions = Math.Max(prompt, depth + generate);
        using var bench = new LanguageBench(parsed.GetRequiredValue(_model), positions, parsed.GetValue(_threads), parsed.GetValue(_cache));
        Func<double> test = prompt > 0 ? () => bench.PrefillSeconds(prompt) : () => bench.DecodeSeconds(depth, generate);
        if (!parsed.GetValue(_noWarmUp))
            test();
        return new LlamaBenchLine(prompt, generate, (prompt + generate) / test(), Machine.Current.Processor, InstructionSet: bench.InstructionSet);
    }
}
