using System.Runtime.InteropServices;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Platform;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>Native memory at a cache line's alignment, owned by one holder.</summary>
internal sealed unsafe class CpuMemory : IDisposable
{
    private const int CacheLine = 64;
    private const int LargePage = 2 << 20;

    private void* _data;

    public CpuMemory(long bytes, string purpose)
    {
        ByteLength = bytes;
        try
        {
            bool large = bytes >= 2 * LargePage;
            _data = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), large ? LargePage : (nuint)CacheLine);
            if (large)
                OperatingSystemCalls.PreferLargePages((nint)_data, (nuint)(bytes / LargePage * LargePage));
        }
        catch (OutOfMemoryException e)
        {
            throw new DeviceMemoryException("cpu", bytes, purpose, e);
        }
        GC.AddMemoryPressure(Math.Max(bytes, 1));
    }

    ~CpuMemory() => Free();

    public long ByteLength { get; }

    public byte* Data => (byte*)_data;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_data == null)
            return;
        NativeMemory.AlignedFree(_data);
        _data = null;
        GC.RemoveMemoryPressure(Math.Max(ByteLength, 1));
    }
}

internal sealed unsafe class CpuTensor : Tensor
{
    private readonly CpuMemory _memory;

    public CpuTensor(ElementType type, int rows, int columns)
        : base(type, rows, columns) => _memory = new CpuMemory(ByteLength, $"a {type} tensor [{rows}, {columns}]");

    public byte* Data => _memory.Data;

    public override void Dispose() => _memory.Dispose();
}

/// <summary>Weights as the checkpoint stores them: nothing is copied.</summary>
internal unsafe class CpuWeight : Weight
{
    private readonly CpuMemory _segments;

    /// <summary>Keeps the mapped files reachable that the segments point into.</summary>
    private readonly IReadOnlyList<StoredTensor> _parts;

    public CpuWeight(ReadOnlySpan<WeightSegment> segments, int columns, IReadOnlyList<StoredTensor> parts)
        : base(TotalRows(segments), columns)
    {
        _parts = parts;
        _segments = new CpuMemory(segments.Length * sizeof(WeightSegment), "a weight's segments");
        segments.CopyTo(new Span<WeightSegment>(_segments.Data, segments.Length));
        SegmentCount = segments.Length;
    }

    public WeightSegment* Segments => (WeightSegment*)_segments.Data;

    public int SegmentCount { get; }

    /// <summary>The fewest rows that can be multiplied by themselves and hold one that is wanted.</summary>
    /// <param name="row">The row that is wanted.</param>
    /// <param name="place">Which of them it is.</param>
    public virtual WeightSegment RowsWith(int row, out int place)
    {
        WeightSegment segment = SegmentOf(ref row);
        place = 0;
        return new WeightSegment(segment.Data + (nint)(segment.StoredRow(row) * segment.Type.RowBytes(Columns)), segment.Type, 1);
    }

    /// <summary>The segment that holds a row, which becomes its number there.</summary>
    protected WeightSegment SegmentOf(ref int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        WeightSegment* segment = Segments;
        for (; row >= segment->Rows; segment++)
            row -= segment->Rows;
        return *segment;
    }

    public override long ByteLength
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < SegmentCount; i++)
                bytes += Segments[i].Rows * Segments[i].Type.RowBytes(Columns);
            return bytes;
        }
    }

    public override void Dispose()
    {
        _segments.Dispose();
        GC.KeepAlive(_parts);
    }

    private static int TotalRows(ReadOnlySpan<WeightSegment> segments)
    {
        int rows = 0;
        foreach (WeightSegment segment in segments)
            rows = checked(rows + segment.Rows);
        return rows;
    }
}

/// <summary>Block-quantised weights in a copy of their own, in the layout of <see cref="PackedPanels"/>; its segments point there.</summary>
internal sealed unsafe class CpuPackedWeight : CpuWeight
{
    private readonly CpuMemory _panels;

    /// <summary>Takes memory for the panels and leaves them empty.</summary>
    public CpuPackedWeight(IReadOnlyList<StoredTensor> parts)
        : this(parts, checked((int)parts[0].Shape[^1]))
    {
    }

    private CpuPackedWeight(IReadOnlyList<StoredTensor> parts, int columns)
        : this(Layout(parts, columns, out CpuMemory panels), columns, panels)
    {
    }

    private CpuPackedWeight(WeightSegment[] segments, int columns, CpuMemory panels)
        : base(segments, columns, []) => _panels = panels;

    public override long ByteLength => _panels.ByteLength;

    /// <summary>The panel of a row.</summary>
    public override WeightSegment RowsWith(int row, out int place)
    {
        WeightSegment segment = SegmentOf(ref row);
        (int panel, place) = Math.DivRem(row, Int8Tile.Columns);
        return new WeightSegment(segment.Data + (nint)(panel * PackedPanels.ByteLength(segment.Type, Columns)), segment.Type, Int8Tile.Columns);
    }

    public override void Dispose()
    {
        base.Dispose();
        _panels.Dispose();
    }

    private static WeightSegment[] Layout(IReadOnlyList<StoredTensor> parts, int columns, out CpuMemory panels)
    {
        var segments = new WeightSegment[parts.Count];
        var offsets = new long[parts.Count + 1];
        for (int i = 0; i < parts.Count; i++)
        {
            int rows = checked((int)(parts[i].ElementCount / columns));
            segments[i] = new WeightSegment(0, parts[i].Type, rows);
            offsets[i + 1] = offsets[i] + (PackedPanels.Count(rows) * PackedPanels.ByteLength(parts[i].Type, columns));
        }
        panels = new CpuMemory(offsets[^1], $"the packed weights of {parts[0].Name}");
        for (int i = 0; i < parts.Count; i++)
            segments[i] = segments[i] with { Data = (nint)(panels.Data + offsets[i]) };
        return segments;
    }
}

/// <summary>Keys and values of every layer as <see cref="KvLayout"/> says.</summary>
internal sealed unsafe class CpuKvPool : KvPool
{
    private readonly CpuMemory _keys;
    private readonly CpuMemory _values;
    private readonly long _layerBytes;

    public CpuKvPool(KvShape shape, int pages)
        : base(shape, pages)
    {
        _layerBytes = pages * KvLayout.PageBytes(shape.Element, shape.KvHeads, shape.HeadDim);
        long bytes = checked(_layerBytes * shape.Layers);
        _keys = new CpuMemory(bytes, $"the keys of {pages} cache pages");
        _values = new CpuMemory(bytes, $"the values of {pages} cache pages");
    }

    public override long ByteLength => _keys.ByteLength + _values.ByteLength;

    public void* Keys(int layer) => _keys.Data + (layer * _layerBytes);

    public void* Values(int layer) => _values.Data + (layer * _layerBytes);

    public override void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }
}
