using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Measurement;

/// <summary>The last rows of one sequence whose earlier positions are cached, with keys and values for all of them.</summary>
public sealed class CachedRows : IDisposable
{
    private readonly KvSequence _sequence;
    private readonly RaggedBatch _batch;

    /// <param name="device">The device.</param>
    /// <param name="shape">What is cached.</param>
    /// <param name="context">Positions in all.</param>
    /// <param name="rows">How many of the last are rows of the step.</param>
    public CachedRows(Device device, KvShape shape, int context, int rows)
    {
        ArgumentNullException.ThrowIfNull(device);
        int pages = (context + device.PagePositions - 1) / device.PagePositions;
        Pool = device.AllocateKv(shape, pages);
        Rope = device.BuildRope(theta: 10000, shape.HeadDim, context);
        _sequence = new KvSequence(new KvPages(Pool, device.PagePositions));
        _batch = new RaggedBatch(device, context, 1, pages);
        Fill(device, shape, context);
        _sequence.Truncate(context - rows);
        _batch.Clear();
        _batch.Add(_sequence, new int[rows], 0);
        _batch.Send();
    }

    /// <summary>The cache.</summary>
    public KvPool Pool { get; }

    /// <summary>The rotation of its positions.</summary>
    public RopeTable Rope { get; }

    /// <summary>Where the rows stand.</summary>
    public RaggedRows Placement => _batch.Placement;

    /// <inheritdoc/>
    public void Dispose()
    {
        _sequence.Dispose();
        _batch.Dispose();
        Rope.Dispose();
        Pool.Dispose();
    }

    private void Fill(Device device, KvShape shape, int context)
    {
        using var activations = new Activations(device);
        Tensor qkv = activations.Random(context, 3 * shape.KvHeads * shape.HeadDim);
        _batch.Add(_sequence, new int[context], 0);
        _batch.Send();
        for (int layer = 0; layer < shape.Layers; layer++)
            device.RopeAppend(qkv, _batch.Placement, Rope, Pool, layer);
    }
}
