using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>What the CPU device is and can do.</summary>
/// <param name="InstructionSet">That of its widest vectors.</param>
/// <param name="VectorBits">Bits of its widest vectors.</param>
/// <param name="NarrowerVectorBits">Bits of the narrower vectors that <c>--vector-bits</c> can choose.</param>
/// <param name="Threads">Threads, one a core.</param>
/// <param name="OneThread">The roof of one thread.</param>
/// <param name="AllThreads">The roof of all threads.</param>
internal sealed record CpuFacts(
    string InstructionSet, int VectorBits, int[] NarrowerVectorBits, int Threads, DeviceCeilings OneThread, DeviceCeilings AllThreads)
{
    private static readonly int[] Widths = [512, 256, 128];

    /// <summary>Asks and measures this machine.</summary>
    public static CpuFacts Measure()
    {
        using CpuDevice one = CpuDevice.Create(threads: 1, arithmetic: Arithmetic.Fast);
        using CpuDevice all = CpuDevice.Create(arithmetic: Arithmetic.Fast);
        int[] narrower = [.. Widths.Where(bits => bits < all.VectorBits)];
        return new CpuFacts(all.InstructionSet, all.VectorBits, narrower, all.Threads, one.MeasureCeilings(), all.MeasureCeilings());
    }
}
