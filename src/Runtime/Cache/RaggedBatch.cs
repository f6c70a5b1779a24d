using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Runtime.Cache;

/// <summary>
/// The input of one step in device memory: rows of several sequences side by side. Collected on the host by
/// <see cref="Add"/>, sent by <see cref="Send"/>; buffers are allocated once.
/// </summary>
public sealed class RaggedBatch : IDisposable
{
    /// <summary>Any row of the embedding: a picture's feature is copied over it.</summary>
    private const int FeatureToken = 0;

    private readonly Device _device;
    private readonly int[] _tokens;
    private readonly int[] _positions;
    private readonly int[] _sequences;
    private readonly int[] _outputRows;
    private readonly int[] _outputPositions;
    private readonly int[] _outputSequences;
    private readonly int[] _pageTable;
    private readonly Tensor _deviceTokens;
    private readonly Tensor _devicePositions;
    private readonly Tensor _deviceSequences;
    private readonly Tensor _deviceOutputRows;
    private readonly Tensor _deviceOutputPositions;
    private readonly Tensor _deviceOutputSequences;
    private readonly Tensor _devicePageTable;
    private readonly int _mostPages;

    /// <summary>Room for so many rows of so many sequences with so many pages each.</summary>
    public RaggedBatch(Device device, int mostRows, int mostSequences, int mostPages)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
        _mostPages = mostPages;
        MostSequences = mostSequences;
        _tokens = new int[mostRows];
        _positions = new int[mostRows];
        _sequences = new int[mostRows];
        _outputRows = new int[mostRows];
        _outputPositions = new int[mostRows];
        _outputSequences = new int[mostRows];
        _pageTable = new int[mostSequences * mostPages];
        _deviceTokens = device.Allocate(ElementType.I32, mostRows, 1);
        _devicePositions = device.Allocate(ElementType.I32, mostRows, 1);
        _deviceSequences = device.Allocate(ElementType.I32, mostRows, 1);
        _deviceOutputRows = device.Allocate(ElementType.I32, mostRows, 1);
        _deviceOutputPositions = device.Allocate(ElementType.I32, mostRows, 1);
        _deviceOutputSequences = device.Allocate(ElementType.I32, mostRows, 1);
        _devicePageTable = device.Allocate(ElementType.I32, mostSequences, mostPages);
    }

    /// <summary>The most rows of a step.</summary>
    public int MostRows => _tokens.Length;

    /// <summary>The most sequences of a step.</summary>
    public int MostSequences { get; }

    /// <summary>Rows collected so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Sequences collected so far.</summary>
    public int Sequences { get; private set; }

    /// <summary>Rows whose logits somebody reads.</summary>
    public int Outputs { get; private set; }

    /// <summary>Token ids of the rows; features of pictures are copied over the embeddings of theirs.</summary>
    public TensorView Tokens => _deviceTokens.First(Rows);

    /// <summary>Where the rows stand.</summary>
    public RaggedRows Placement => new(_devicePositions.First(Rows), _deviceSequences.First(Rows), _devicePageTable);

    /// <summary>The rows whose logits somebody reads, by number.</summary>
    public TensorView OutputRows => _deviceOutputRows.First(Outputs);

    /// <summary>Where those rows stand.</summary>
    public RaggedRows OutputPlacement =>
        new(_deviceOutputPositions.First(Outputs), _deviceOutputSequences.First(Outputs), _devicePageTable);

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        Rows = 0;
        Sequences = 0;
        Outputs = 0;
    }

    /// <summary>
    /// Adds a run of rows of one sequence and makes room for them in its cache. Negative tokens stand for picture features.
    /// </summary>
    /// <param name="sequence">The sequence that goes on; its length grows by the rows.</param>
    /// <param name="tokens">One token a row.</param>
    /// <param name="outputs">How many of the last rows' logits are read.</param>
    /// <returns>The first of the rows.</returns>
    /// <exception cref="KvCacheFullException">The cache has no room; batch and sequence are as before.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch has no room, or more outputs than rows; both are as before.</exception>
    public int Add(KvSequence sequence, ReadOnlySpan<int> tokens, int outputs)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Rows + tokens.Length, MostRows);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Sequences, MostSequences);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(outputs, tokens.Length);
        int position = sequence.Length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position + tokens.Length, _mostPages * _device.PagePositions);
        sequence.Extend(_device, tokens.Length);
        for (int i = 0; i < sequence.Pages.Count; i++)
            _pageTable[(Sequences * _mostPages) + i] = sequence.Pages[i];

        int first = Rows;
        for (int i = 0; i < tokens.Length; i++)
        {
            _tokens[Rows] = tokens[i] < 0 ? FeatureToken : tokens[i];
            _positions[Rows] = position + i;
            _sequences[Rows] = Sequences;
            if (i >= tokens.Length - outputs)
            {
                _outputRows[Outputs] = Rows;
                _outputPositions[Outputs] = position + i;
                _outputSequences[Outputs] = Sequences;
                Outputs++;
            }
            Rows++;
        }
        Sequences++;
        return first;
    }

    /// <summary>Sends what was collected to the device.</summary>
    public void Send()
    {
        _device.Write<int>(_deviceTokens, _tokens.AsSpan(0, Rows));
        _device.Write<int>(_devicePositions, _positions.AsSpan(0, Rows));
        _device.Write<int>(_deviceSequences, _sequences.AsSpan(0, Rows));
        _device.Write<int>(_deviceOutputRows, _outputRows.AsSpan(0, Outputs));
        _device.Write<int>(_deviceOutputPositions, _outputPositions.AsSpan(0, Outputs));
        _device.Write<int>(_deviceOutputSequences, _outputSequences.AsSpan(0, Outputs));
        _device.Write<int>(_devicePageTable, _pageTable.AsSpan(0, Sequences * _mostPages));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _deviceTokens.Dispose();
        _devicePositions.Dispose();
        _deviceSequences.Dispose();
        _deviceOutputRows.Dispose();
        _deviceOutputPositions.Dispose();
        _deviceOutputSequences.Dispose();
        _devicePageTable.Dispose();
    }
}
