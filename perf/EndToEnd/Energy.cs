using System.Globalization;

namespace ChainOfSpot.EndToEnd;

/// <summary>The processor packages' energy counters (Linux powercap, intel-rapl), where the machine shows them.</summary>
internal sealed class Energy
{
    private const string Root = "/sys/class/powercap";
    private const double MicrojoulesPerJoule = 1e6;

    private readonly (string Counter, double Range)[] _packages;

    private Energy((string Counter, double Range)[] packages) => _packages = packages;

    /// <summary>The counters of this machine; null where none can be read.</summary>
    public static Energy? Find()
    {
        if (!Directory.Exists(Root))
            return null;
        var packages = new List<(string, double)>();
        // "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it.
        foreach (string folder in Directory.EnumerateDirectories(Root).Where(f => Path.GetFileName(f).Count(c => c == ':') == 1))
        {
            string counter = Path.Combine(folder, "energy_uj");
            if (TryRead(counter, out _) && TryRead(Path.Combine(folder, "max_energy_range_uj"), out double range))
                packages.Add((counter, range));
        }
        return packages.Count > 0 ? new Energy([.. packages]) : null;
    }

    /// <summary>The counters now, in microjoules.</summary>
    public double[] Read() => [.. _packages.Select(p => TryRead(p.Counter, out double value) ? value : 0)];

    /// <summary>Joules since an earlier reading; a counter may have begun anew once.</summary>
    public double JoulesSince(double[] before)
    {
        double[] now = Read();
        double sum = 0;
        for (int i = 0; i < now.Length; i++)
            sum += now[i] >= before[i] ? now[i] - before[i] : now[i] + _packages[i].Range - before[i];
        return sum / MicrojoulesPerJoule;
    }

    private static bool TryRead(string path, out double value)
    {
        value = 0;
        try
        {
            return double.TryParse(File.ReadAllText(path), NumberStyles.Float, CultureInfo.InvariantCulture, out value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
