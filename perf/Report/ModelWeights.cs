using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Report;

/// <summary>Random weights of one layer of the decoder and of the tower, the head and the projector, on a device.</summary>
internal sealed class ModelWeights : IDisposable
{
    public const string Head = "head";

    private readonly RandomWeights _file;
    private readonly Dictionary<string, Weight> _weights = [];

    public ModelWeights(Device device, LlavaShape shape, ElementType type, string folder)
    {
        Projection[] projections = [.. shape.Decoder, .. shape.Tower];
        _file = new RandomWeights(folder, type, projections);
        foreach (Projection projection in projections)
            _weights[projection.Name] = device.LoadWeight([_file[projection.Name]]);
    }

    public Weight this[string name] => _weights[name];

    public void Dispose()
    {
        foreach (Weight weight in _weights.Values)
            weight.Dispose();
        _file.Dispose();
    }
}
