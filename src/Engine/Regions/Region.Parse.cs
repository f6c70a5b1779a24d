using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ChainOfSpot.Regions;

public readonly partial record struct Region
{
    /// <summary>
    /// Reads a region as the official evaluation does: strip, drop the first and the last character whatever they are, split at
    /// ", ", and take the first four parts as Python's <c>float()</c> reads them (white space around, underscores between
    /// digits, exponents, any Unicode decimal digits).
    /// </summary>
    /// <param name="text">What a model answered; any text.</param>
    /// <param name="region">The region; where there is none, <see cref="Full"/>.</param>
    /// <param name="problem">Why there is none.</param>
    /// <returns>Whether the text holds a region.</returns>
    public static bool TryParse(string text, out Region region, out RegionProblem problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        region = Full;
        ReadOnlySpan<char> rest = WithoutEnds(StripWhiteSpace(text));
        Span<double> values = stackalloc double[4];
        problem = RegionProblem.None;
        for (int i = 0; i < values.Length; i++)
        {
            int comma = rest.IndexOf(", ", StringComparison.Ordinal);
            if (comma < 0 && i < values.Length - 1)
            {
                problem = RegionProblem.FewerThanFourNumbers;
                return false;
            }
            ReadOnlySpan<char> part = comma < 0 ? rest : rest[..comma];
            rest = comma < 0 ? [] : rest[(comma + 2)..];
            // Reported only once all four parts are there: too few is the plainer problem.
            if (!TryParseNumber(part, out values[i]))
                problem = RegionProblem.NotFourNumbers;
            else if (problem == RegionProblem.None && !IsInRange(values[i]))
                problem = RegionProblem.OutOfRange;
        }
        if (problem != RegionProblem.None)
            return false;
        region = new Region(values[0], values[1], values[2], values[3]);
        return true;
    }

    /// <summary>Python's <c>float()</c>, with infinities and nan refused because no pixel can come of them.</summary>
    private static bool TryParseNumber(ReadOnlySpan<char> part, out double value)
    {
        string number = ToAsciiDigits(part.Trim());
        value = 0;
        if (!PythonNumber().IsMatch(number))
            return false;
        value = double.Parse(number.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(value);
    }

    private static string ToAsciiDigits(ReadOnlySpan<char> text)
    {
        var ascii = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)
                ascii.Append((char)('0' + (int)Rune.GetNumericValue(rune)));
            else
                ascii.Append(rune);
        }
        return ascii.ToString();
    }

    private static ReadOnlySpan<char> StripWhiteSpace(ReadOnlySpan<char> text)
    {
        int start = 0, end = text.Length;
        while (start < end && IsPythonWhiteSpace(text[start]))
            start++;
        while (end > start && IsPythonWhiteSpace(text[end - 1]))
            end--;
        return text[start..end];
    }

    /// <summary>Python's <c>strip()</c> counts the four information separators as white space; .NET does not, nor does <c>float()</c>.</summary>
    private static bool IsPythonWhiteSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';

    /// <summary>The text without its first and its last character, each of which may be a surrogate pair.</summary>
    private static ReadOnlySpan<char> WithoutEnds(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return text;
        Rune.DecodeFromUtf16(text, out _, out int first);
        text = text[first..];
        if (text.IsEmpty)
            return text;
        Rune.DecodeLastFromUtf16(text, out _, out int last);
        return text[..^last];
    }

    [GeneratedRegex(@"\A[+-]?([0-9](_?[0-9])*\.?([0-9](_?[0-9])*)?|\.[0-9](_?[0-9])*)([eE][+-]?[0-9](_?[0-9])*)?\z")]
    private static partial Regex PythonNumber();
}
