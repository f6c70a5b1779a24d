using System.Diagnostics;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>
/// Measures cases in rounds: in each round the roof, then every case of a group, then the roof again. A slow spell of a shared
/// machine then falls on all of them alike.
/// </summary>
internal static class Measuring
{
    /// <summary>A case that is shorter is done again in the same round, after the others, so that few rounds suffice for it.</summary>
    private const double ShortSeconds = 0.1;

    private const int MostPasses = 5;

    public static PerformanceReport Run(ReportOptions options, LlavaShape shape, TextWriter progress)
    {
        using CpuDevice device = CpuDevice.Create(options.Threads, arithmetic: options.Arithmetic);
        using CpuDevice single = CpuDevice.Create(threads: 1, arithmetic: options.Arithmetic);
        using var weights = new ModelWeights(device, shape, options.Weights, options.Output);
        using var kernels = new KernelCases(device, shape, weights);
        using var stacks = new LayerStacks(device, shape, weights, options.StackLayers);
        KernelCase[] cases = [.. kernels.Cases, .. stacks.Cases];

        Dictionary<string, OperationCost> costs = Costs(device, cases);
        var seconds = cases.ToDictionary(c => c.Name, _ => new List<double>());
        var one = new List<DeviceCeilings>();
        var all = new List<DeviceCeilings>();
        for (int round = 0; round < options.Rounds; round++)
        {
            one.Add(single.MeasureCeilings());
            foreach (IGrouping<string, KernelCase> group in cases.GroupBy(c => c.Group))
            {
                progress.Write($"\rround {round + 1} of {options.Rounds}: {group.Key,-12}");
                all.Add(device.MeasureCeilings());
                MeasureGroup(device, [.. group], seconds);
            }
        }
        progress.WriteLine();
        return new PerformanceReport
        {
            Taken = DateTimeOffset.UtcNow,
            Machine = Machine.Current,
            Device = device.Name,
            Shape = shape,
            Weights = options.Weights,
            StackLayers = options.StackLayers,
            OneThread = MeasuredCeilings.Of(1, one),
            AllThreads = MeasuredCeilings.Of(device.Threads, all),
            Measured = [.. cases.Select(c => new Measured(c.Name, c.Group, c.Tokens, costs[c.Name], Sample.Of(seconds[c.Name])))],
        };
    }

    private static void MeasureGroup(CpuDevice device, List<KernelCase> cases, Dictionary<string, List<double>> seconds)
    {
        for (int pass = 0; pass < MostPasses && cases.Count > 0; pass++)
        {
            var again = new List<KernelCase>();
            foreach (KernelCase kernel in cases)
            {
                long start = Stopwatch.GetTimestamp();
                kernel.Run(device);
                // Not as a TimeSpan: its steps of 100 ns are longer than the smallest operations.
                double time = (double)(Stopwatch.GetTimestamp() - start) / Stopwatch.Frequency;
                seconds[kernel.Name].Add(time);
                if (time < ShortSeconds)
                    again.Add(kernel);
            }
            cases = again;
        }
    }

    /// <summary>Runs each case once, which warms it up too, and adds up what its operations cost.</summary>
    public static Dictionary<string, OperationCost> Costs(Device device, IEnumerable<KernelCase> cases)
    {
        var costs = new Dictionary<string, OperationCost>();
        var log = new OperationLog();
        // Not disposed: that would dispose the device too.
        var profiling = new ProfilingDevice(device, log);
        foreach (KernelCase kernel in cases)
        {
            log.Clear();
            kernel.Run(profiling);
            costs[kernel.Name] = log.Records.Select(r => r.Cost).Aggregate(OperationCost.Add);
        }
        return costs;
    }
}
