using System.Globalization;
using System.Text;
using System.Text.Json;
using ChainOfSpot.Regions;
using ChainOfSpot.TestSupport;
using CsCheck;

namespace ChainOfSpot.Engine.Tests.Regions;

/// <summary>
/// The official evaluation's parser beside ours. It strips the text, drops its first and last character, splits at ", " and takes
/// Python's float() of the first four parts; what raises an error gives the whole picture. We refuse two things more, since no
/// crop can come of them: numbers that are not finite, and those beyond a thousand squares.
/// </summary>
public sealed class OfficialParserTests
{
    /// <summary>What strip() takes off and float() does not.</summary>
    private const string Separators = "\x1C\x1D\x1E\x1F";

    private const string WhiteSpace =
        "\t\n\v\f\r \x85\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

    [Fact]
    public void Six_hundred_texts_are_read_as_CPython_reads_them()
    {
        int regions = 0;
        foreach (string line in File.ReadLines(Fixtures.Path("images", "region-texts.jsonl")))
        {
            JsonElement json = JsonDocument.Parse(line).RootElement;
            string text = json.GetProperty("text").GetString()!;
            double[]? official = json.GetProperty("values").ValueKind == JsonValueKind.Null
                ? null
                : [.. json.GetProperty("values").EnumerateArray().Select(value => Number(value.GetString()!))];
            Assert.Equal(official, Official(text));
            AssertSame(text, official);
            regions += official is null ? 0 : 1;
        }
        Assert.Equal(156, regions);

        static double Number(string repr) => repr switch
        {
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            "nan" => double.NaN,
            _ => double.Parse(repr, CultureInfo.InvariantCulture),
        };
    }

    [Fact]
    public void Any_text_is_read_as_officially()
    {
        Gen<string> number = Gen.OneOf(
            Gen.Int[-1200, 1200].Select(thousandths => (thousandths / 1000.0).ToString("R", CultureInfo.InvariantCulture)),
            Gen.Double.Select(value => value.ToString("R", CultureInfo.InvariantCulture)),
            Gen.OneOf("inf", "-Infinity", "NaN", "1e400", "1000", "-1000.5", "1_0.5", "_1", "1__0", "5.", ".5", ".", "\u0661.\u0665", "\U0001D7CF"),
            Gen.String[Gen.Char["0123456789.eE+-_ \u00A0\u0663\uD835"], 0, 8]);
        Gen<string> part = Gen.Select(Gen.Char[WhiteSpace + Separators + "\u200Bx"].Array[0, 2], number, Gen.OneOf(", ", ", ", ", ", ", ", ",", " , ", ""))
            .Select((white, digits, separator) => new string(white) + digits + separator);
        Gen<string> text = Gen.OneOf(
            Gen.Select(Gen.OneOf("[", "(", "", " [", "\U0001F642"), part.Array[3, 6], Gen.OneOf("]", "", "] ", "\uDE42"))
                .Select((open, parts, close) => open + string.Concat(parts) + close),
            Gen.String);
        text.Sample(answer => AssertSame(answer, Official(answer)), iter: 30000);
    }

    private static void AssertSame(string text, double[]? official)
    {
        bool usable = official is not null && official.All(value => double.IsFinite(value) && Math.Abs(value) <= Region.MaxMagnitude);
        Assert.Equal(usable, Region.TryParse(text, out Region region, out RegionProblem problem));
        Assert.Equal(usable, problem == RegionProblem.None);
        double[] expected = usable ? official! : [0, 0, 1, 1], read = [region.Left, region.Top, region.Right, region.Bottom];
        Assert.Equal(expected, read);
    }

    /// <summary>The official rule, on code points as Python's texts are.</summary>
    private static double[]? Official(string text)
    {
        int[] points = Strip(WhiteSpace + Separators, [.. Enumerable.Range(0, text.Length).Where(i => i == 0 || !char.IsSurrogatePair(text[i - 1], text[i]))
            .Select(i => i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i])]);
        if (points.Length > 0)
            points = points[1..];
        if (points.Length > 0)
            points = points[..^1];
        var values = new List<double>();
        while (values.Count < 4)
        {
            int end = Array.FindIndex(points, 0, point => point == ',');
            while (end >= 0 && (end + 1 == points.Length || points[end + 1] != ' '))
                end = end + 1 == points.Length ? -1 : Array.FindIndex(points, end + 1, point => point == ',');
            if (Float(end < 0 ? points : points[..end]) is not { } value)
                return null;
            values.Add(value);
            if (end < 0 && values.Count < 4)
                return null;
            points = end < 0 ? [] : points[(end + 2)..];
        }
        return [.. values];
    }

    private static int[] Strip(string white, int[] points)
    {
        int start = 0, end = points.Length;
        while (start < end && IsIn(white, points[start]))
            start++;
        while (end > start && IsIn(white, points[end - 1]))
            end--;
        return points[start..end];
    }

    private static bool IsIn(string characters, int point) => point < 0x10000 && characters.Contains((char)point, StringComparison.Ordinal);

    /// <summary>Python's float(): null where it raises.</summary>
    private static double? Float(int[] points)
    {
        var ascii = new StringBuilder();
        foreach (int point in Strip(WhiteSpace, points))
        {
            bool isDigit = Rune.IsValid(point) && Rune.GetUnicodeCategory(new Rune(point)) == UnicodeCategory.DecimalDigitNumber;
            ascii.Append(isDigit ? (char)('0' + (int)Rune.GetNumericValue(new Rune(point))) : point < 128 ? (char)point : '?');
        }
        string text = ascii.ToString();
        string unsigned = text.TrimStart('+', '-');
        if (text.Length - unsigned.Length > 1)
            return null;
        double sign = text.StartsWith('-') ? -1 : 1;
        string lower = unsigned.ToLowerInvariant();
        if (lower is "inf" or "infinity")
            return sign * double.PositiveInfinity;
        if (lower == "nan")
            return double.NaN;

        int at = 0;
        string whole = Digits(), fraction = "";
        if (at < unsigned.Length && unsigned[at] == '.')
        {
            at++;
            fraction = Digits();
        }
        if (whole.Length + fraction.Length == 0)
            return null;
        string exponent = "";
        if (at < unsigned.Length && unsigned[at] is 'e' or 'E')
        {
            at++;
            bool isSigned = at < unsigned.Length && unsigned[at] is '+' or '-';
            exponent = isSigned ? unsigned[at++].ToString() : "";
            string digits = Digits();
            if (digits.Length == 0)
                return null;
            exponent = $"e{exponent}{digits}";
        }
        return at < unsigned.Length ? null : sign * double.Parse($"0{whole}.{fraction}0{exponent}", CultureInfo.InvariantCulture);

        // Digits with single underscores between them.
        string Digits()
        {
            var digits = new StringBuilder();
            while (at < unsigned.Length && (char.IsAsciiDigit(unsigned[at])
                || (unsigned[at] == '_' && digits.Length > 0 && unsigned[at - 1] != '_' && at + 1 < unsigned.Length && char.IsAsciiDigit(unsigned[at + 1]))))
            {
                if (unsigned[at] != '_')
                    digits.Append(unsigned[at]);
                at++;
            }
            return digits.ToString();
        }
    }
}
