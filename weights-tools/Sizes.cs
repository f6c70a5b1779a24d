using System.Globalization;

namespace ChainOfSpot.WeightsTools;

/// <summary>Sizes as people write them: decimal units, as disks and downloads are counted.</summary>
internal static class Sizes
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>Three digits and a unit.</summary>
    public static string Format(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 999.5 && unit < Units.Length - 1)
        {
            value /= 1000;
            unit++;
        }
        string format = unit == 0 || value >= 99.5 ? "0" : value >= 9.95 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {Units[unit]}";
    }

    /// <summary>Reads a size such as 500MB or 4.5 GB.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        string trimmed = text.Trim();
        int unit = Array.FindLastIndex(Units, u => trimmed.EndsWith(u, StringComparison.OrdinalIgnoreCase));
        string number = unit < 0 ? trimmed : trimmed[..^Units[unit].Length];
        bytes = 0;
        const NumberStyles Style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite;
        if (!double.TryParse(number, Style, CultureInfo.InvariantCulture, out double value))
            return false;
        value *= Math.Pow(1000, Math.Max(0, unit));
        if (value is < 1 or > 1e15)
            return false;
        bytes = (long)value;
        return true;
    }
}
