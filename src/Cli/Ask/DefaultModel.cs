namespace ChainOfSpot.Cli.Ask;

/// <summary>The model that comes with the tool.</summary>
internal static class DefaultModel
{
    /// <summary>Its name.</summary>
    public const string Name = "spot-tiny";

    /// <summary>Its folder, beside the tool.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "models", Name);
}
