namespace ChainOfSpot.WeightsTools;

/// <summary>What a user asked for cannot be done.</summary>
/// <param name="message">One line: what is wrong, and what was expected.</param>
/// <param name="isUsage">Whether the command line itself is wrong.</param>
internal sealed class CommandException(string message, bool isUsage = false) : Exception(message)
{
    /// <summary>Whether the command line itself is wrong.</summary>
    public bool IsUsage { get; } = isUsage;
}
