using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>
/// One operation of the device at one shape. The cost that the columns divide by the time is counted, not written down: the
/// operation is done once under a <see cref="ProfilingDevice"/>. The roof is measured right before each case, so that a slow spell of
/// the machine falls on both.
/// </summary>
public abstract class OperationBenchmark : IDisposable
{
    private const int AllocationTries = 50;

    private CpuDevice? _device;
    private Activations? _activations;

    /// <summary>Bits of the vector registers: the paths of the CPU device.</summary>
    [ParamsSource(nameof(VectorWidths))]
    public int VectorBits { get; set; }

    /// <summary>The vector widths that were chosen.</summary>
    public static IEnumerable<int> VectorWidths => BenchmarkCases.VectorBits;

    /// <summary>Width of the language model, of each model that was chosen.</summary>
    public static IEnumerable<int> Widths => BenchmarkCases.Shapes.Select(shape => shape.Width);

    /// <summary>Width of the feed-forward layers, of each model that was chosen.</summary>
    public static IEnumerable<int> Intermediates => BenchmarkCases.Shapes.Select(shape => shape.Intermediate);

    /// <summary>Attention heads, of each model that was chosen.</summary>
    public static IEnumerable<int> ModelHeads => BenchmarkCases.Shapes.Select(shape => shape.Heads);

    private protected CpuDevice Device => _device!;

    private protected Activations Activations => _activations!;

    /// <summary>Measures the roof, makes the operands and writes down what the operation costs and allocates.</summary>
    [GlobalSetup]
    public void Setup()
    {
        DeviceCeilings roof;
        using (CpuDevice widest = CpuDevice.Create(arithmetic: Arithmetic.Fast))
            roof = widest.MeasureCeilings();
        _device = CpuDevice.Create(vectorBits: VectorBits, arithmetic: DeviceArithmetic);
        _activations = new Activations(_device);
        Prepare();
        var log = new OperationLog();
        // Not disposed: that would dispose the device too.
        Run(new ProfilingDevice(_device, log));
        CaseFile.Write(this, new CaseFacts(log.Records.Select(r => r.Cost).Aggregate(OperationCost.Add), roof, AllocatedBytes()));
    }

    /// <summary>Gives everything back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _activations?.Dispose();
        _device?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The operation.</summary>
    [Benchmark]
    public void Operation() => Run(Device);

    /// <summary>What the device may round; it changes nothing but products.</summary>
    private protected virtual Arithmetic DeviceArithmetic => Arithmetic.Exact;

    /// <summary>
    /// Bytes that the operation allocates, on all threads. The runtime's own threads allocate now and then, in an idle process too, which
    /// BenchmarkDotNet's column counts; an operation that allocates does so every time. So it is the least of some tries.
    /// </summary>
    private long AllocatedBytes()
    {
        long least = long.MaxValue;
        for (int i = 0; i < AllocationTries && least > 0; i++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Run(Device);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }

    private protected abstract void Prepare();

    private protected abstract void Run(Device device);
}
