namespace ChainOfSpot.Kernels.Gpu;

/// <summary>The PTX that a method of <see cref="GpuInstructions"/> stands for; $0, $1… are the fields of its result, then of its arguments.</summary>
/// <param name="text">Whole instructions.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PtxAttribute(string text) : Attribute
{
    public string Text { get; } = text;
}
