using ChainOfSpot.Kernels;
using ILGPU;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>Rows of a weight that are stored alike, in one block of memory.</summary>
/// <param name="Memory">The rows, one after the other as the checkpoint has them.</param>
/// <param name="Type">How they are stored.</param>
/// <param name="FirstRow">The first of them.</param>
/// <param name="Rows">How many they are.</param>
/// <param name="RowBytes">Bytes of a row.</param>
internal readonly record struct GpuWeightPart(GpuMemory Memory, ElementType Type, int FirstRow, int Rows, long RowBytes)
{
    public ArrayView<byte> Bytes => Memory.Bytes;
}

/// <summary>A weight in a GPU's memory: neighbouring parts of one type lie together, so that q|k|v is one product.</summary>
internal sealed class GpuWeight(IReadOnlyList<GpuWeightPart> parts, int rows, int columns) : Weight(rows, columns)
{
    public IReadOnlyList<GpuWeightPart> Parts => parts;

    public override long ByteLength => parts.Sum(part => part.Rows * part.RowBytes);

    public override void Dispose()
    {
        foreach (GpuWeightPart part in parts)
            part.Memory.Dispose();
    }
}
