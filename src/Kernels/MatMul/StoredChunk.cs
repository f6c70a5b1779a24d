namespace ChainOfSpot.Kernels;

/// <summary>One chunk of the products of one output: activations, and weights as they are stored.</summary>
internal readonly unsafe struct StoredChunk(float* a, byte* w, int length, int index, int row)
{
    /// <summary>The activations.</summary>
    public readonly float* A = a;

    /// <summary>The weights.</summary>
    public readonly byte* W = w;

    /// <summary>The number of products.</summary>
    public readonly int Length = length;

    /// <summary>Which chunk of its output it is.</summary>
    public readonly int Index = index;

    /// <summary>Which output it belongs to.</summary>
    public readonly int Row = row;
}

/// <summary>
/// The order in which the chunks of some rows of weights are passed over: block by block of <see cref="Block"/> chunks, in a block
/// row by row. It goes on behind the last with the rows that follow in memory, for who asks what to prefetch.
/// </summary>
internal unsafe ref struct ChunkOrder
{
    private const int Block = 4;

    private readonly float* _a;
    private readonly int _k;
    private readonly int _chunks;
    private readonly int _chunkLength;
    private readonly int _rows;
    private readonly nint _rowStride;
    private readonly int _elementBytes;
    private byte* _w;
    private int _block;
    private int _row;
    private int _chunk;

    public ChunkOrder(in MatMulArguments arguments, byte* w, int rows, nint rowStride, int elementBytes)
    {
        _a = arguments.A;
        _k = arguments.K;
        _chunks = MatMul.ChunkCount(arguments.K);
        _chunkLength = MatMul.ChunkLength(arguments.K);
        _rows = rows;
        _rowStride = rowStride;
        _elementBytes = elementBytes;
        _w = w;
    }

    public StoredChunk Next()
    {
        int start = _chunk * _chunkLength;
        byte* w = _w + (_row * _rowStride) + ((nint)start * _elementBytes);
        var next = new StoredChunk(_a + start, w, Math.Min(_chunkLength, _k - start), _chunk, _row);
        if (++_chunk == Math.Min(_block + Block, _chunks))
        {
            if (++_row == _rows)
            {
                _row = 0;
                _block += Block;
                if (_block >= _chunks)
                {
                    _block = 0;
                    _w += _rows * _rowStride;
                }
            }
            _chunk = _block;
        }
        return next;
    }
}
