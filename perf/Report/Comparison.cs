namespace ChainOfSpot.Report;

/// <summary>One measurement in two reports.</summary>
/// <param name="Name">Its name.</param>
/// <param name="OldSeconds">The best time before.</param>
/// <param name="NewSeconds">The best time now.</param>
internal sealed record ComparedTime(string Name, double OldSeconds, double NewSeconds)
{
    /// <summary>Time now over time before: above 1 is slower.</summary>
    public double Ratio => NewSeconds / OldSeconds;
}

/// <summary>Two reports side by side.</summary>
internal sealed class Comparison
{
    private readonly PerformanceReport _old;
    private readonly PerformanceReport _new;
    private readonly double _threshold;

    /// <param name="old">The report before.</param>
    /// <param name="new">The report now.</param>
    /// <param name="threshold">The share that a time may grow by.</param>
    public Comparison(PerformanceReport old, PerformanceReport @new, double threshold)
    {
        _old = old;
        _new = @new;
        _threshold = threshold;
        Dictionary<string, double> before = old.Measured.ToDictionary(m => m.Name, m => m.Seconds.Best);
        Times = [.. @new.Measured.Where(m => before.ContainsKey(m.Name)).Select(m => new ComparedTime(m.Name, before[m.Name], m.Seconds.Best))];
        Missing = [.. before.Keys.Except(@new.Measured.Select(m => m.Name))];
    }

    /// <summary>What both reports measured.</summary>
    public IReadOnlyList<ComparedTime> Times { get; }

    /// <summary>What only the old report measured.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>What became slower beyond the threshold.</summary>
    public IReadOnlyList<ComparedTime> Regressions => [.. Times.Where(t => t.Ratio > 1 + _threshold)];

    /// <summary>Whether something became slower or is no longer measured.</summary>
    public bool IsRegression => Regressions.Count > 0 || Missing.Count > 0;

    public void Write(TextWriter writer)
    {
        writer.WriteLine($"compared with {_old.Taken:u} on {_old.Machine.Processor}, {_old.Device}; time now / time before:");
        writer.WriteLine($"  {"(roof, arithmetic)",-44}{_old.AllThreads.Best.MultiplyAddsPerSecond / _new.AllThreads.Best.MultiplyAddsPerSecond,8:0.000}");
        writer.WriteLine($"  {"(roof, memory)",-44}{_old.AllThreads.Best.ReadBytesPerSecond / _new.AllThreads.Best.ReadBytesPerSecond,8:0.000}");
        foreach (ComparedTime time in Times)
            writer.WriteLine($"  {time.Name,-44}{time.Ratio,8:0.000}{(time.Ratio > 1 + _threshold ? "  slower" : "")}");
        foreach (string name in Missing)
            writer.WriteLine($"  {name,-44}  no longer measured");
        writer.WriteLine($"{Regressions.Count} of {Times.Count} slower by more than {_threshold:P0}");
    }
}
