using System.CommandLine;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The option that says what matrix products may round.</summary>
internal static class ArithmeticOption
{
    private static readonly Dictionary<string, Arithmetic> Kinds = new() { ["exact"] = Arithmetic.Exact, ["fast"] = Arithmetic.Fast };

    public static Option<Arithmetic?> Create() => new("--arithmetic")
    {
        Description = "exact computes in fp32; fast rounds activations to 8 bits (quantised weights) or 16. Default: fast with GGUF models.",
        HelpName = "exact|fast",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Kinds.TryGetValue(text, out Arithmetic kind))
                return kind;
            result.AddError($"--arithmetic is \"{text}\"; expected {string.Join(" or ", Kinds.Keys)}.");
            return null;
        },
    };
}
