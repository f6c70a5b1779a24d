using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Cache;

/// <summary>
/// A small key-value cache on the CPU whose positions hold numbers that a test chose. A number is written as the value of its
/// position, in every layer, and read by attention with a zero query, which gives the mean of all values up to a position.
/// </summary>
internal sealed class StampedCache : IDisposable
{
    public const int Layers = 2;
    private const int HeadDim = 8;
    private const int MostRows = 400;

    private readonly RopeTable _rope;
    private readonly Tensor _qkv;
    private readonly Tensor _output;
    private readonly int _mostPages;

    public StampedCache(int pages)
    {
        _mostPages = pages;
        Device = CpuDevice.Create(threads: 1);
        Pool = Device.AllocateKv(new KvShape(Layers, 1, HeadDim), pages);
        Pages = new KvPages(Pool, Device.PagePositions);
        Batch = new RaggedBatch(Device, MostRows, 4, pages);
        _rope = Device.BuildRope(10000, HeadDim, pages * Device.PagePositions);
        _qkv = Device.Allocate(ElementType.F32, MostRows, 3 * HeadDim);
        _output = Device.Allocate(ElementType.F32, MostRows, HeadDim);
    }

    public CpuDevice Device { get; }

    public KvPool Pool { get; }

    public KvPages Pages { get; }

    public RaggedBatch Batch { get; }

    /// <summary>Writes numbers to the rows that were added to <see cref="Batch"/>.</summary>
    public void Write(ReadOnlySpan<int> stamps)
    {
        Batch.Send();
        for (int layer = 0; layer < Layers; layer++)
        {
            float[] rows = new float[stamps.Length * 3 * HeadDim];
            for (int row = 0; row < stamps.Length; row++)
                rows.AsSpan(((row * 3) + 2) * HeadDim, HeadDim).Fill(stamps[row] + layer);
            Device.Write<float>(_qkv, rows);
            Device.RopeAppend(_qkv.First(stamps.Length), Batch.Placement, _rope, Pool, layer);
        }
    }

    /// <summary>Adds numbers to a sequence: one step.</summary>
    public void Append(KvSequence sequence, params ReadOnlySpan<int> stamps)
    {
        Batch.Clear();
        Batch.Add(sequence, stamps, outputs: 0);
        Write(stamps);
    }

    /// <summary>Fails unless a sequence holds exactly these numbers.</summary>
    public void AssertHolds(IReadOnlyList<int> stamps, KvSequence sequence)
    {
        Assert.Equal(stamps.Count, sequence.Length);
        if (stamps.Count == 0)
            return;
        using Tensor positions = Device.Allocate(ElementType.I32, stamps.Count, 1);
        using Tensor sequences = Device.Allocate(ElementType.I32, stamps.Count, 1);
        using Tensor table = Device.Allocate(ElementType.I32, 1, _mostPages);
        using Tensor queries = Device.Allocate(ElementType.F32, stamps.Count, 3 * HeadDim);
        using Tensor means = Device.Allocate(ElementType.F32, stamps.Count, HeadDim);
        Device.Write<int>(positions, [.. Enumerable.Range(0, stamps.Count)]);
        Device.Write<int>(sequences, new int[stamps.Count]);
        Device.Write<int>(table, [.. sequence.Pages]);
        Device.Write<float>(queries, new float[stamps.Count * 3 * HeadDim]);
        float[] read = new float[stamps.Count * HeadDim];
        for (int layer = 0; layer < Layers; layer++)
        {
            Device.Attention(queries, new RaggedRows(positions, sequences, table), Pool, layer, means);
            Device.Read<float>(means, read);
            double sum = 0;
            for (int i = 0; i < stamps.Count; i++)
            {
                sum += stamps[i] + layer;
                // A wrong number among n moves the mean by at least 1/n.
                Assert.InRange(read[i * HeadDim] * (i + 1), sum - 0.3, sum + 0.3);
                Assert.Equal(read[i * HeadDim], read[(i * HeadDim) + HeadDim - 1]);
            }
        }
    }

    public void Dispose()
    {
        _output.Dispose();
        _qkv.Dispose();
        _rope.Dispose();
        Batch.Dispose();
        Pool.Dispose();
        Device.Dispose();
    }
}
