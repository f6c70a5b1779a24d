using System.CommandLine;
using System.Globalization;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<string> OutputFolder() => new("--output", "-o")
    {
        Description = "The folder to write, complete or not at all; what is there already is never overwritten.",
        HelpName = "DIR",
        Required = true,
    };

    public static Option<string> ShardSize() => new("--shard-size")
    {
        Description = "The most that one weight file of a Hugging Face checkpoint holds.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "5GB",
    };

    public static Argument<string> Model() => new("model")
    {
        Description = "A checkpoint: a Hugging Face or original LLaVA folder, a GGUF file or a folder of them, or one weight file.",
    };

    public static Option<string?> Tower() => new("--tower")
    {
        Description = "Folder of the CLIP vision tower, where an original LLaVA checkpoint has it neither inside nor beside it.",
        HelpName = "DIR",
    };

    public static Option<string?> Projector() => new("--mmproj")
    {
        Description = "The GGUF file of tower and projector, where it is not the only one beside the language model.",
        HelpName = "FILE",
    };

    public static Option<bool> Json() => new("--json")
    {
        Description = "Prints one JSON object.",
    };

    /// <summary>A whole number of at most 2²⁰.</summary>
    public static Option<int?> Count(string name, string description, int smallest = 1)
    {
        const int Largest = 1 << 20;
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        option.Validators.Add(result =>
        {
            // What is no whole number at all, the parser reports itself.
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out int value)
                && (value < smallest || value > Largest))
            {
                result.AddError($"{name} is {value}; {smallest} to {Largest} was expected.");
            }
        });
        return option;
    }

    public static ElementType ParseFloatType(string name) => name switch
    {
        "f16" => ElementType.F16,
        "bf16" => ElementType.BF16,
        "f32" => ElementType.F32,
        _ => throw new CommandException($"there is no type '{name}'; f16, bf16 or f32 was expected.", isUsage: true),
    };

    public static long ParseShardSize(string size) => Sizes.TryParse(size, out long bytes)
        ? bytes
        : throw new CommandException($"'{size}' is no size; a number with B, kB, MB, GB or TB was expected.", isUsage: true);
}
