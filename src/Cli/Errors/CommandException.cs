namespace ChainOfSpot.Cli.Errors;

/// <summary>A problem that the tool itself found.</summary>
internal sealed class CommandException(string code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public string Code { get; } = code;
}
