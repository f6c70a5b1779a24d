using System.CommandLine;
using ChainOfSpot.Cli.Errors;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The paths that a model is named by.</summary>
internal static class ModelPaths
{
    /// <summary>The option that names the second file of a GGUF model.</summary>
    public static Option<string?> MmprojOption() => new("--mmproj")
    {
        Description = "GGUF file of the vision tower and projector of a GGUF model, where it is not the only one in the model's folder.",
        HelpName = "GGUF",
    };

    /// <summary>Refuses paths where nothing is.</summary>
    public static void Check(string model, EngineOptions options)
    {
        if (!Directory.Exists(model) && !File.Exists(model))
            throw NotFound(model, "no such folder or file; expected a LLaVA-1.5 checkpoint or a GGUF file.");
        if (options.VisionTower is { } tower && !Directory.Exists(tower))
            throw NotFound(tower, "no such folder; expected that of the vision tower.");
        if (options.MmprojFile is { } projector && !File.Exists(projector))
            throw NotFound(projector, "no such file; expected a GGUF file of vision tower and projector.");
    }

    private static CommandException NotFound(string path, string problem) => new(ErrorCodes.ModelNotFound, $"{path}: {problem}");
}
