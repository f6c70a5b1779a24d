using System.Text.Json.Serialization;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>One measured time and what was done in it.</summary>
/// <param name="Name">Unique in a report.</param>
/// <param name="Group">The table that it belongs to.</param>
/// <param name="Tokens">Tokens done; 0 where it has none.</param>
/// <param name="Cost">Operations and bytes; none where nobody counted them.</param>
/// <param name="Seconds">The times.</param>
internal sealed record Measured(string Name, string Group, int Tokens, OperationCost Cost, Sample Seconds)
{
    [JsonIgnore]
    public double OperationsPerSecond => Cost.Operations / Seconds.Best;

    [JsonIgnore]
    public double BytesPerSecond => Cost.Bytes / Seconds.Best;

    /// <summary>The least time that the roof allows, divided by the time taken.</summary>
    public double ShareOfRoof(DeviceCeilings roof) => roof.LeastSeconds(Cost) / Seconds.Best;
}

/// <summary>The roof of some threads: the best and the middle of several measurements between those of the kernels.</summary>
/// <param name="Threads">Threads that shared the work.</param>
/// <param name="Best">The roof.</param>
/// <param name="Median">What half of the measurements reached.</param>
internal sealed record MeasuredCeilings(int Threads, DeviceCeilings Best, DeviceCeilings Median)
{
    public static MeasuredCeilings Of(int threads, IReadOnlyList<DeviceCeilings> measured) => new(
        threads,
        measured.Aggregate(DeviceCeilings.Highest),
        new DeviceCeilings(
            Sample.Of([.. measured.Select(m => m.MultiplyAddsPerSecond)]).Median,
            Sample.Of([.. measured.Select(m => m.ReadBytesPerSecond)]).Median)
        {
            BFloat16OperationsPerSecond = Sample.Of([.. measured.Select(m => m.BFloat16OperationsPerSecond)]).Median,
            Int8OperationsPerSecond = Sample.Of([.. measured.Select(m => m.Int8OperationsPerSecond)]).Median,
        });
}
