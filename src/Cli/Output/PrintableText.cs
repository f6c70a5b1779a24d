using System.Globalization;

namespace ChainOfSpot.Cli.Output;

/// <summary>Text of models and files as a terminal may show it: without the control characters that would command it.</summary>
internal static class PrintableText
{
    private const int LongestLine = 2000;

    /// <summary>The text with its line breaks; other white space is a blank, and every other control character a question mark.</summary>
    public static string Printable(this string text) => Replace(text.ReplaceLineEndings("\n"), keptBreak: '\n');

    /// <summary>The text on one line of at most 2000 characters.</summary>
    public static string OnOneLine(this string text)
    {
        string line = Replace(text.ReplaceLineEndings(" "), keptBreak: ' ').Trim();
        return line.Length <= LongestLine ? line : $"{line[..LongestLine]} ...";
    }

    private static string Replace(string text, char keptBreak) => string.Create(
        text.Length,
        (text, keptBreak),
        static (target, source) =>
        {
            for (int i = 0; i < target.Length; i++)
            {
                char c = source.text[i];
                bool commands = char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format;
                target[i] = c == source.keptBreak ? c : char.IsWhiteSpace(c) ? ' ' : commands ? '?' : c;
            }
        });
}
