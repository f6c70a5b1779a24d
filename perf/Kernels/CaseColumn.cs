using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A number that follows from a case's facts and its mean time.</summary>
/// <param name="name">The header.</param>
/// <param name="legend">What it is.</param>
/// <param name="value">The number, of facts and seconds.</param>
internal sealed class CaseColumn(string name, string legend, Func<CaseFacts, double, string> value) : IColumn
{
    public string Id => $"{nameof(CaseColumn)}.{name}";

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    /// <summary>The columns.</summary>
    public static IColumn[] All { get; } =
    [
        new CaseColumn("GFLOP/s", "10^9 operations a second; a multiply-add is two", (facts, seconds) => $"{facts.Cost.Operations / seconds / 1e9:0.0}"),
        new CaseColumn("GB/s", "10^9 bytes a second of operands, each counted once", (facts, seconds) => $"{facts.Cost.Bytes / seconds / 1e9:0.0}"),
        new CaseColumn(
            "Roof", "The least time that this machine's ceilings, measured right before the case, allow, divided by the mean time",
            (facts, seconds) => $"{facts.Roof.LeastSeconds(facts.Cost) / seconds:P0}"),
        new CaseColumn("Allocated", "Managed bytes that the operation allocates, on all threads", (facts, _) => $"{facts.AllocatedBytes} B"),
    ];

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        summary[benchmarkCase]?.ResultStatistics is { } statistics && CaseFile.Read(benchmarkCase) is { } facts
            ? value(facts, statistics.Mean / 1e9)
            : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);
}
