using System.Text;
using ChainOfSpot.Cli.Errors;

namespace ChainOfSpot.Cli.Ask;

/// <summary>The question from standard input.</summary>
internal static class StandardInput
{
    private const int LongestQuestion = 1 << 20;

    /// <summary>What errors call it.</summary>
    public const string Name = "standard input";

    /// <summary>Reads the question: UTF-8, to the end, without the white space around it.</summary>
    /// <exception cref="CommandException">There is none, or no end of it.</exception>
    public static string ReadQuestion(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var text = new StringBuilder();
        var buffer = new char[4096];
        for (int read; (read = reader.Read(buffer)) > 0;)
        {
            text.Append(buffer, 0, read);
            if (text.Length > LongestQuestion)
                throw new CommandException(ErrorCodes.BadOption, $"{Name}: the question is longer than {LongestQuestion} characters.");
        }
        string question = text.ToString().Trim();
        return question.Length > 0 ? question : throw new CommandException(ErrorCodes.BadOption, $"{Name}: the question is empty.");
    }
}
