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
DeviceCeilings roof;
using (CpuDevice device = CpuDevice.Create(arithmetic: Arithmetic.Fast))
    roof = device.MeasureCeilings();
DirectoryInfo costs = CostFile.CreateFolder();
try
{
    IConfig config = DefaultConfig.Instance
        .AddColumn(RateColumn.All(roof))
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(LongestShape));
    BenchmarkReport[] reports =
    [
        .. BenchmarkSwitcher.FromAssembly(typeof(OperationBenchmark).Assembly).Run(args, config).SelectMany(summary => summary.Reports),
    ];
    BenchmarkReport[] wrong =
        [.. reports.Where(report => !report.Success || report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) is > 0)];
    foreach (BenchmarkReport report in wrong)
        Console.WriteLine($"{report.BenchmarkCase.DisplayInfo}: {(report.Success ? "allocated" : "failed")}");
    Console.WriteLine($"{reports.Length} benchmarks, {wrong.Length} of them failed or allocated");
    Console.WriteLine($"Roof: {roof.MultiplyAddsPerSecond / 1e9:0.0} GFLOP/s, {roof.ReadBytesPerSecond / 1e9:0.0} GB/s");
    return wrong.Length == 0 ? 0 : 1;
}
finally
{
    costs.Delete(recursive: true);
}
