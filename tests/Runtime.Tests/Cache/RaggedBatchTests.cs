using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Tests.Cache;

public sealed class RaggedBatchTests
{
    [Fact]
    public void Rows_of_several_sequences_stand_where_their_sequences_end()
    {
        using var cache = new StampedCache(8);
        using var first = new KvSequence(cache.Pages);
        using var second = new KvSequence(cache.Pages);
        cache.Append(first, [.. Enumerable.Range(0, 63)]);
        RaggedBatch batch = cache.Batch;
        batch.Clear();
        Assert.Equal(0, batch.Add(first, [5, -200, -200], outputs: 1));
        Assert.Equal(3, batch.Add(second, [9, 8], outputs: 2));
        batch.Send();

        Assert.Equal((5, 2, 3), (batch.Rows, batch.Sequences, batch.Outputs));
        Assert.Equal([5, 0, 0, 9, 8], Read(cache.Device, batch.Tokens));
        Assert.Equal([63, 64, 65, 0, 1], Read(cache.Device, batch.Placement.Positions));
        Assert.Equal([0, 0, 0, 1, 1], Read(cache.Device, batch.Placement.Sequences));
        Assert.Equal([2, 3, 4], Read(cache.Device, batch.OutputRows));
        Assert.Equal([65, 0, 1], Read(cache.Device, batch.OutputPlacement.Positions));
        Assert.Equal([0, 1, 1], Read(cache.Device, batch.OutputPlacement.Sequences));
        int[] table = Read(cache.Device, batch.Placement.PageTable);
        Assert.Equal(first.Pages, table.Take(2));
        Assert.Equal(second.Pages, table.Skip(8).Take(1));
        Assert.Equal((66, 2), (first.Length, second.Length));
    }

    [Fact]
    public void What_does_not_fit_leaves_the_batch_and_the_sequence_as_they_were()
    {
        using var cache = new StampedCache(4);
        using var sequence = new KvSequence(cache.Pages);
        using var batch = new RaggedBatch(cache.Device, mostRows: 130, mostSequences: 2, mostPages: 2);
        batch.Add(sequence, new int[10], outputs: 0);

        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(sequence, new int[121], outputs: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(sequence, new int[119], outputs: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(sequence, new int[2], outputs: 3));
        using var others = new KvSequence(cache.Pages);
        others.Extend(cache.Device, 3 * 64);
        Assert.Throws<KvCacheFullException>(() => batch.Add(sequence, new int[60], outputs: 0));

        Assert.Equal((10, 1, 0), (batch.Rows, batch.Sequences, batch.Outputs));
        Assert.Equal(10, sequence.Length);
        batch.Add(sequence, new int[54], outputs: 54);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(sequence, new int[1], outputs: 0));
        Assert.Equal((64, 2, 54), (batch.Rows, batch.Sequences, batch.Outputs));
    }

    private static int[] Read(Device device, TensorView view)
    {
        Assert.Equal(ElementType.I32, view.Tensor.Type);
        int[] values = new int[view.Rows * view.Columns];
        device.Read<int>(view, values);
        return values;
    }
}
