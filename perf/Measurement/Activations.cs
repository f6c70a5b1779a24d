using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Measurement;

/// <summary>fp32 matrices on one device, disposed together.</summary>
/// <param name="device">The device.</param>
public sealed class Activations(Device device) : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>Uniform numbers from -0.5 to 0.5.</summary>
    public Tensor Random(int rows, int columns)
    {
        Tensor tensor = Own(device.Allocate(ElementType.F32, rows, columns));
        var random = new Random(1);
        float[] values = new float[rows * columns];
        foreach (ref float value in values.AsSpan())
            value = random.NextSingle() - 0.5f;
        device.Write<float>(tensor, values);
        return tensor;
    }

    /// <summary>One row of ones.</summary>
    public Tensor Ones(int columns)
    {
        Tensor tensor = Own(device.Allocate(ElementType.F32, 1, columns));
        float[] ones = new float[columns];
        Array.Fill(ones, 1f);
        device.Write<float>(tensor, ones);
        return tensor;
    }

    /// <summary>A column of integers: 0, <paramref name="step"/>, 2 <paramref name="step"/>, …, modulo <paramref name="below"/>.</summary>
    public Tensor Integers(int rows, int step, int below)
    {
        Tensor tensor = Own(device.Allocate(ElementType.I32, rows, 1));
        device.Write<int>(tensor, [.. Enumerable.Range(0, rows).Select(row => (int)((long)row * step % below))]);
        return tensor;
    }

    /// <summary>Disposes <paramref name="resource"/> with the others.</summary>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable resource in _owned)
            resource.Dispose();
        _owned.Clear();
    }
}
