using Microsoft.Extensions.Options;

namespace ChainOfSpot.Extensions.AI;

/// <summary>Checks <see cref="ChainOfSpotOptions"/>; every error begins with the option's name.</summary>
internal sealed class ChainOfSpotOptionsValidation : IValidateOptions<ChainOfSpotOptions>
{
    public ValidateOptionsResult Validate(string? name, ChainOfSpotOptions options)
    {
        var errors = new ValidateOptionsResultBuilder();
        CheckPath(errors, nameof(options.Model), options.Model, path => Directory.Exists(path) || File.Exists(path),
            "a LLaVA-1.5 checkpoint's folder or a GGUF file");
        if (options.Engine is not { } engine)
        {
            AddError(errors, nameof(options.Engine), "is null.");
        }
        else
        {
            CheckEngine(errors, engine);
            if (engine.VisionTower is { } tower)
                CheckPath(errors, EngineOption(nameof(engine.VisionTower)), tower, Directory.Exists, "the vision tower's folder");
            if (engine.MmprojFile is { } mmproj)
                CheckPath(errors, EngineOption(nameof(engine.MmprojFile)), mmproj, File.Exists, "a GGUF file of vision tower and projector");
        }
        if (options.Pictures is null)
            AddError(errors, nameof(options.Pictures), "is null.");
        else if (options.Pictures.MaxPixels < 1)
            AddError(errors, $"{nameof(options.Pictures)}.{nameof(options.Pictures.MaxPixels)}", $"is {options.Pictures.MaxPixels}; expected 1 or more.");
        return errors.Build();
    }

    private static void CheckEngine(ValidateOptionsResultBuilder errors, EngineOptions engine)
    {
        try
        {
            engine.Validate();
        }
        catch (ArgumentOutOfRangeException error)
        {
            AddError(errors, EngineOption(error.ParamName!), $"is {error.ActualValue}: {error.Message}");
        }
    }

    private static void CheckPath(
        ValidateOptionsResultBuilder errors, string option, string? path, Predicate<string> exists, string expected)
    {
        if (string.IsNullOrWhiteSpace(path))
            AddError(errors, option, $"is not set; expected the path of {expected}.");
        else if (!exists(path))
            AddError(errors, option, $"is \"{path}\", where nothing is; expected the path of {expected}.");
    }

    private static string EngineOption(string name) => $"{nameof(ChainOfSpotOptions.Engine)}.{name}";

    private static void AddError(ValidateOptionsResultBuilder errors, string option, string problem) =>
        errors.AddError($"{nameof(ChainOfSpotOptions)}.{option} {problem}");
}
