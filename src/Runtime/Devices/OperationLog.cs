using System.Diagnostics;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>One operation that a device did.</summary>
/// <param name="Name">The name of the method of <see cref="Device"/>.</param>
/// <param name="Shape">Its size.</param>
/// <param name="Start">When it began, in ticks of <see cref="Stopwatch"/>.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Cost">What it had to compute and move.</param>
public readonly record struct OperationRecord(string Name, OperationShape Shape, long Start, TimeSpan Duration, OperationCost Cost);

/// <summary>The size of an operation.</summary>
/// <param name="Rows">Rows of its output.</param>
/// <param name="Inputs">Columns of its input.</param>
/// <param name="Outputs">Columns of its output.</param>
public readonly record struct OperationShape(int Rows, int Inputs, int Outputs)
{
    /// <summary>"rows x inputs", and "-> outputs" where they differ.</summary>
    public override string ToString() => Inputs == Outputs ? $"{Rows} x {Inputs}" : $"{Rows} x {Inputs} -> {Outputs}";
}

/// <summary>What a <see cref="ProfilingDevice"/> did, in the order of the operations. Thread-safe.</summary>
public sealed class OperationLog
{
    private readonly Lock _lock = new();
    private readonly List<OperationRecord> _records = [];

    /// <summary>A copy of all records.</summary>
    public IReadOnlyList<OperationRecord> Records
    {
        get
        {
            lock (_lock)
                return [.. _records];
        }
    }

    /// <summary>Forgets all records.</summary>
    public void Clear()
    {
        lock (_lock)
            _records.Clear();
    }

    internal void Add(in OperationRecord record)
    {
        lock (_lock)
            _records.Add(record);
    }
}
