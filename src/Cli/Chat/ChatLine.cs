namespace ChainOfSpot.Cli.Chat;

/// <summary>A line of a chat.</summary>
/// <param name="Command">The command with its slash, "" for a question.</param>
/// <param name="Text">The question, or what follows the command.</param>
internal readonly record struct ChatLine(string Command, string Text)
{
    /// <summary>Reads a line.</summary>
    public static ChatLine Of(string line)
    {
        line = line.Trim();
        if (!line.StartsWith('/'))
            return new ChatLine("", line);
        int end = line.AsSpan().IndexOfAny(' ', '\t');
        return end < 0 ? new ChatLine(line, "") : new ChatLine(line[..end], line[end..].Trim());
    }
}
