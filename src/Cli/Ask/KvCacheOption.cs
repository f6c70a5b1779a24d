using System.CommandLine;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The option that says how the key-value cache is stored.</summary>
internal static class KvCacheOption
{
    private static readonly Dictionary<string, KvElement> Elements = new()
    {
        ["f32"] = KvElement.F32,
        ["f16"] = KvElement.F16,
        ["q8"] = KvElement.Q8,
    };

    public static Option<KvElement?> Create() => new("--kv-cache")
    {
        Description = "How the key-value cache is stored: f32 as computed, f16 (CPU) in half of the memory, q8 in a quarter. "
            + "Default: f16 on the CPU in fast arithmetic, else f32.",
        HelpName = "f32|f16|q8",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (Elements.TryGetValue(text, out KvElement element))
                return element;
            result.AddError($"--kv-cache is \"{text}\"; expected {string.Join(" or ", Elements.Keys)}.");
            return null;
        },
    };
}
