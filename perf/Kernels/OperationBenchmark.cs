using BenchmarkDotNet.Attributes;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.KernelBenchmarks;

/// <summary>
/// One operation of the device at one shape. The cost that the columns divide by the time is counted, not written down: the
/// operation is done once under a <see cref="ProfilingDevice"/>.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public abstract class OperationBenchmark : IDisposable
{
    private CpuDevice? _device;
    private Activations? _activations;

    /// <summary>Bits of the vector registers: the paths of the CPU device.</summary>
    [ParamsSource(nameof(Widths))]
    public int VectorBits { get; set; }

    /// <summary>The widths.</summary>
    public static IEnumerable<int> Widths => BenchmarkCases.VectorBits;

    private protected CpuDevice Device => _device!;

    private protected Activations Activations => _activations!;

    /// <summary>Makes the operands and writes down what the operation costs.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _device = CpuDevice.Create(vectorBits: VectorBits, arithmetic: DeviceArithmetic);
        _activations = new Activations(_device);
        Prepare();
        var log = new OperationLog();
        // Not disposed: that would dispose the device too.
        Run(new ProfilingDevice(_device, log));
        CostFile.Write(this, log.Records.Select(r => r.Cost).Aggregate(OperationCost.Add));
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

    private protected abstract void Prepare();

    private protected abstract void Run(Device device);
}
