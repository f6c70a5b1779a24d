using System.Globalization;

namespace ChainOfSpot.Cli.Output;

/// <summary>Text of models and files as a terminal may show it: without the control characters that would command it.</summary>
internal static class PrintableText
{
    private const int LongestLine = 2000;

    /// <summary>The text with its line breaks; every other control character becomes a question mark.</summary>
    public static string Printable(this string text) => Replace(text.ReplaceLineEndings("\n"), keptBreak: '\n', instead: '?');

    /// <summary>The text on one line of at most 2000 characters.</summary>
    public static string OnOneLine(this string text)
    {
        string line = Replace(text.ReplaceLineEndings(" "), keptBreak: ' ', instead: '?').Trim();
        return line.Length <= LongestLine ? line : $"{line[..LongestLine]} ...";
    }

    private static string Replace(string text, char keptBreak, char instead) => string.Create(
        text.Length,
        (text, keptBreak, instead),
        static (target, source) =>
        {
            for (int i = 0; i < target.Length; i++)
            {
                char c = source.text[i];
                bool commands = char.IsControl(c) || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Format;
                target[i] = commands && c != source.keptBreak ? source.instead : c;
            }
        });
}
