using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>The parameters of one model on one device, disposed together.</summary>
internal sealed class DeviceParameters(Device device) : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>Bytes of all matrices: what a pass over every weight reads.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>A linear layer; several parts are joined by their outputs.</summary>
    public Weight Matrix(params StoredTensor[] parts)
    {
        Weight weight = device.LoadWeight(parts);
        _owned.Add(weight);
        WeightBytes += weight.ByteLength;
        return weight;
    }

    /// <summary>A vector, fp32, of the parts one after the other.</summary>
    public Tensor Vector(params StoredTensor[] parts) => Rows(1, [.. parts.SelectMany(p => p.ToFloats())]);

    /// <summary>An fp32 matrix of values on the host.</summary>
    public Tensor Rows(int rows, float[] values)
    {
        Tensor tensor = device.Allocate(ElementType.F32, rows, values.Length / rows);
        _owned.Add(tensor);
        device.Write<float>(tensor, values);
        return tensor;
    }

    /// <summary>Disposes <paramref name="resource"/> with the parameters.</summary>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    public void Dispose()
    {
        foreach (IDisposable resource in _owned)
            resource.Dispose();
        _owned.Clear();
    }
}
