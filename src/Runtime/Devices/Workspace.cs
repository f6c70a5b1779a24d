namespace ChainOfSpot.Runtime.Devices;

/// <summary>Memory that an operation uses while it runs; it grows to the largest use and stays.</summary>
internal sealed unsafe class Workspace(string purpose) : IDisposable
{
    private CpuMemory? _memory;

    public byte* Bytes(long bytes)
    {
        if (_memory is null || _memory.ByteLength < bytes)
        {
            _memory?.Dispose();
            _memory = null;
            _memory = new CpuMemory(bytes, purpose);
        }
        return _memory.Data;
    }

    public float* Floats(long floats) => (float*)Bytes(floats * sizeof(float));

    public void Dispose()
    {
        _memory?.Dispose();
        _memory = null;
    }
}
