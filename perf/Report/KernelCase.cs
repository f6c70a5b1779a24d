using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>Something whose time is measured.</summary>
/// <param name="Name">Its name, unique in a report.</param>
/// <param name="Group">Operations of one kind: one colour of the plot, one table.</param>
/// <param name="Tokens">Rows that a model gets done by it; 0 for a single operation.</param>
/// <param name="Run">Does it once.</param>
internal sealed record KernelCase(string Name, string Group, int Tokens, Action<Device> Run);
