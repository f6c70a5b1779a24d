using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>A number that follows from a case's cost and its mean time.</summary>
/// <param name="name">The header.</param>
/// <param name="legend">What it is.</param>
/// <param name="rate">The number, of cost and seconds.</param>
internal sealed class RateColumn(string name, string legend, Func<OperationCost, double, string> rate) : IColumn
{
    public string Id => $"{nameof(RateColumn)}.{name}";

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    /// <summary>The columns under a roof.</summary>
    public static IColumn[] All(DeviceCeilings roof) =>
    [
        new RateColumn("GFLOP/s", "10^9 operations a second; a multiply-add is two", (cost, seconds) => $"{cost.Operations / seconds / 1e9:0.0}"),
        new RateColumn("GB/s", "10^9 bytes a second of operands, each counted once", (cost, seconds) => $"{cost.Bytes / seconds / 1e9:0.0}"),
        new RateColumn(
            "Roof", "The least time that this machine's measured ceilings allow, divided by the mean time", (cost, seconds) => $"{roof.LeastSeconds(cost) / seconds:P0}"),
    ];

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        summary[benchmarkCase]?.ResultStatistics is { } statistics && CostFile.Read(benchmarkCase) is { } cost
            ? rate(cost, statistics.Mean / 1e9)
            : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);
}
