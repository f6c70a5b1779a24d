using ChainOfSpot.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>A block of a GPU's memory, owned by one holder.</summary>
internal sealed class GpuMemory : IDisposable
{
    private readonly GpuDevice _device;
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> _buffer;
    private bool _disposed;

    /// <summary>Taken and counted by <see cref="GpuDevice.Take"/>.</summary>
    public GpuMemory(GpuDevice device, MemoryBuffer1D<byte, Stride1D.Dense> buffer)
    {
        _device = device;
        _buffer = buffer;
        Bytes = buffer.View;
    }

    /// <summary>All of it.</summary>
    public ArrayView<byte> Bytes { get; }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.GiveBack(_buffer);
    }
}

internal sealed class GpuTensor(GpuMemory memory, ElementType type, int rows, int columns) : Tensor(type, rows, columns)
{
    public ArrayView<byte> Bytes => memory.Bytes;

    public override void Dispose() => memory.Dispose();
}

/// <summary>Keys and values of every layer as <see cref="KvLayout"/> says, as on the CPU.</summary>
internal sealed class GpuKvPool(GpuMemory keys, GpuMemory values, KvShape shape, int pages) : KvPool(shape, pages)
{
    public long LayerBytes { get; } = pages * KvLayout.PageBytes(shape.Element, shape.KvHeads, shape.HeadDim);

    public override long ByteLength => keys.Bytes.Length + values.Bytes.Length;

    public ArrayView<byte> AllKeys => keys.Bytes;

    public ArrayView<byte> AllValues => values.Bytes;

    public ArrayView<byte> Keys(int layer) => AllKeys.SubView(layer * LayerBytes, LayerBytes);

    public ArrayView<byte> Values(int layer) => AllValues.SubView(layer * LayerBytes, LayerBytes);

    public override void Dispose()
    {
        keys.Dispose();
        values.Dispose();
    }
}
