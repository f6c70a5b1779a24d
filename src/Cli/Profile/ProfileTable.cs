using System.Globalization;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Profile;

/// <summary>Operations of one name and shape added up, the longest first.</summary>
internal static class ProfileTable
{
    public static void Write(Terminal terminal, Answer answer, IReadOnlyList<OperationRecord> records, DeviceCeilings? roof, string device)
    {
        double total = answer.Timings.Total.TotalSeconds;
        double inOperations = records.Sum(r => r.Duration.TotalSeconds);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine("  " + terminal.Highlight(answer.Text.OnOneLine()));
        terminal.Out.WriteLine();
        Line(terminal.Faint(Row("operation", "shape", "calls", "ms", "share", "GFLOP/s", "GB/s", "of roof")));
        IEnumerable<IGrouping<(string Name, OperationShape Shape), OperationRecord>> groups = records
            .GroupBy(r => (r.Name, r.Shape))
            .OrderByDescending(g => g.Sum(r => r.Duration.TotalSeconds));
        foreach (IGrouping<(string Name, OperationShape Shape), OperationRecord> group in groups)
        {
            double seconds = group.Sum(r => r.Duration.TotalSeconds);
            OperationCost cost = group.Select(r => r.Cost).Aggregate(OperationCost.Add);
            // Each call has its own roof: of some that compute and some that move, the sum would flatter.
            double? least = roof is null ? null : group.Sum(r => roof.LeastSeconds(r.Cost));
            Line(Row(
                group.Key.Name, $"{group.Key.Shape}", $"{group.Count()}", Text($"{seconds * 1e3:0.000}"), Text($"{seconds / total:P1}"),
                cost.Operations > 0 ? Text($"{cost.Operations / seconds / 1e9:0.0}") : "", Text($"{cost.Bytes / seconds / 1e9:0.0}"), least is null ? "" : Text($"{least / seconds:P0}")));
        }
        Line(Row("outside operations", "", "", Text($"{(total - inOperations) * 1e3:0.000}"), Text($"{(total - inOperations) / total:P1}"), "", "", ""));
        Line(terminal.Bold(Row("question", "", $"{records.Count}", Text($"{total * 1e3:0.000}"), Text($"{1:P1}"), "", "", "")));
        terminal.Out.WriteLine();
        Line($"device   {device}");
        if (roof is not null)
        {
            string dots = roof.Int8OperationsPerSecond > 0
                ? Text($" ({roof.BFloat16OperationsPerSecond / 1e9:0} in bf16, {roof.Int8OperationsPerSecond / 1e9:0} in int8)")
                : "";
            Line(Text($"roof     {roof.MultiplyAddsPerSecond / 1e9:0.0} GFLOP/s{dots}, {roof.ReadBytesPerSecond / 1e9:0.0} GB/s; above 100 % operands were in a cache"));
        }
        terminal.Out.WriteLine();

        void Line(string text) => terminal.Out.WriteLine($"  {text.TrimEnd()}");
    }

    private static string Row(string name, string shape, string calls, string time, string share, string operations, string bytes, string ofRoof) =>
        $"{name,-20}{shape,-24}{calls,7}{time,12}{share,9}{operations,10}{bytes,8}{ofRoof,9}";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
