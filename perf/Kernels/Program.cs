using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using ChainOfSpot.KernelBenchmarks;
using ChainOfSpot.Runtime.Devices;

// Measures the device's operations one by one, all of them or some:
// dotnet run -c Release --project perf/Kernels -- --filter '*MatMul*' [--shapes 7b] [--weights q4_0,f16] [--arithmetic exact] [--vector-bits 512,256]
// Exits with 1 where an operation allocated managed memory or a benchmark failed.
// "gate_up 1300x27648x5120" should not be cut.
const int LongestShape = 32;
try
{
    args = BenchmarkCases.Take(args);
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
DirectoryInfo facts = CaseFile.CreateFolder();
try
{
    IConfig config = DefaultConfig.Instance
        .AddColumn(CaseColumn.All)
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(LongestShape));
    BenchmarkReport[] reports =
    [
        .. BenchmarkSwitcher.FromAssembly(typeof(OperationBenchmark).Assembly).Run(args, config).SelectMany(summary => summary.Reports),
    ];
    BenchmarkReport[] wrong = [.. reports.Where(report => !report.Success || CaseFile.Read(report.BenchmarkCase) is not { AllocatedBytes: 0 })];
    foreach (BenchmarkReport report in wrong)
        Console.WriteLine($"{report.BenchmarkCase.DisplayInfo}: {(report.Success ? "allocated" : "failed")}");
    Console.WriteLine($"{reports.Length} benchmarks, {wrong.Length} of them failed or allocated");
    DeviceCeilings[] roofs = [.. reports.Select(report => CaseFile.Read(report.BenchmarkCase)?.Roof).OfType<DeviceCeilings>()];
    if (roofs.Length > 0)
        WriteRoof(roofs.Aggregate(DeviceCeilings.Highest));
    return wrong.Length == 0 ? 0 : 1;
}
finally
{
    facts.Delete(recursive: true);
}

static void WriteRoof(DeviceCeilings highest) => Console.WriteLine(
    $"Highest roof of any case: {highest.MultiplyAddsPerSecond / 1e9:0.0} GFLOP/s fp32, {highest.BFloat16OperationsPerSecond / 1e9:0} bf16, "
    + $"{highest.Int8OperationsPerSecond / 1e9:0} int8; {highest.ReadBytesPerSecond / 1e9:0.0} GB/s");
