using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>What is measured, and where the report goes.</summary>
internal sealed record ReportOptions
{
    /// <summary>The folder of the report.</summary>
    public string Output { get; init; } = Path.Combine("artifacts", "report");

    /// <summary>How the weights are stored.</summary>
    public ElementType Weights { get; init; } = ElementType.F16;

    /// <summary>What the device may round.</summary>
    public Arithmetic Arithmetic { get; init; }

    /// <summary>Threads; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>How often everything is measured.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Layers of the stacks of the model level.</summary>
    public int StackLayers { get; init; } = 4;

    /// <summary>Small shapes and one round: whether it works, not how fast it is.</summary>
    public bool Quick { get; init; }

    /// <summary>The folder of a checkpoint to run questions on; null for none.</summary>
    public string? Model { get; init; }

    /// <summary>An older report to compare with; null for none.</summary>
    public string? Compare { get; init; }

    /// <summary>The share that a time may grow by before it counts as a regression.</summary>
    public double Threshold { get; init; } = 0.1;
}
