using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Running;
using ChainOfSpot.KernelBenchmarks;
using ChainOfSpot.Runtime.Devices;

// Measures the device's operations one by one: dotnet run -c Release --project perf/Kernels -- --filter '*MatMul*'
DeviceCeilings roof;
using (CpuDevice device = CpuDevice.Create())
    roof = device.MeasureCeilings();
DirectoryInfo costs = CostFile.CreateFolder();
try
{
    IConfig config = DefaultConfig.Instance.AddColumn(RateColumn.All(roof));
    BenchmarkSwitcher.FromAssembly(typeof(OperationBenchmark).Assembly).Run(args, config);
}
finally
{
    costs.Delete(recursive: true);
}
Console.WriteLine($"Roof: {roof.MultiplyAddsPerSecond / 1e9:0.0} GFLOP/s, {roof.ReadBytesPerSecond / 1e9:0.0} GB/s");
