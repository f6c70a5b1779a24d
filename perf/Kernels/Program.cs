using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using ChainOfSpot.KernelBenchmarks;
using ChainOfSpot.Runtime.Devices;

// Measures the device's operations one by one: dotnet run -c Release --project perf/Kernels -- --filter '*MatMul*'
// "gate_up 1300x27648x5120" should not be cut.
const int LongestShape = 32;
DeviceCeilings roof;
using (CpuDevice device = CpuDevice.Create())
    roof = device.MeasureCeilings();
DirectoryInfo costs = CostFile.CreateFolder();
try
{
    IConfig config = DefaultConfig.Instance
        .AddColumn(RateColumn.All(roof))
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(LongestShape));
    BenchmarkSwitcher.FromAssembly(typeof(OperationBenchmark).Assembly).Run(args, config);
}
finally
{
    costs.Delete(recursive: true);
}
Console.WriteLine($"Roof: {roof.MultiplyAddsPerSecond / 1e9:0.0} GFLOP/s, {roof.ReadBytesPerSecond / 1e9:0.0} GB/s");
