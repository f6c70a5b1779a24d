namespace ChainOfSpot.Kernels.Tests;

/// <summary>
/// Sequences in a paged KV cache and rows that attend to them. Pages lie shuffled; every slot that no position fills is NaN, so
/// that a kernel that looks where it must not is caught.
/// </summary>
internal sealed unsafe class PagedCase : IDisposable
{
    private const int Gap = 3;

    private readonly NativeBuffer<float> _query;
    private readonly NativeBuffer<float> _k;
    private readonly NativeBuffer<float> _v;
    private readonly NativeBuffer<int> _pageTable;
    private readonly NativeBuffer<int> _positions;
    private readonly NativeBuffer<int> _sequences;

    /// <summary>Sequence s holds before + rows positions; its last rows attend.</summary>
    public PagedCase(int heads, int kvHeads, int headDim, int seed, params (int Before, int Rows)[] sequences)
    {
        Sequences = sequences;
        Rows = sequences.Sum(sequence => sequence.Rows);
        Output = new NativeBuffer<float>(Rows * ((heads * headDim) + Gap));
        LogSumExp = new NativeBuffer<float>(Rows * heads);
        int maxPages = sequences.Max(sequence => PagesOf(sequence.Before + sequence.Rows));
        Pages = sequences.Sum(sequence => PagesOf(sequence.Before + sequence.Rows)) + 1;
        _query = NativeBuffer.Normal(Rows * ((heads * headDim) + Gap), seed, 2);
        _k = new NativeBuffer<float>(Pages * KvLayout.PageFloats(kvHeads, headDim), float.NaN);
        _v = new NativeBuffer<float>(Pages * KvLayout.PageFloats(kvHeads, headDim), float.NaN);
        _pageTable = new NativeBuffer<int>(sequences.Length * maxPages, int.MinValue);
        _positions = new NativeBuffer<int>(Rows);
        _sequences = new NativeBuffer<int>(Rows);

        int[] order = [.. Enumerable.Range(0, Pages)];
        new Random(seed).Shuffle(order);
        int usedPages = 0;
        int row = 0;
        for (int s = 0; s < sequences.Length; s++)
        {
            int positions = sequences[s].Before + sequences[s].Rows;
            for (int page = 0; page < PagesOf(positions); page++)
                _pageTable.Span[(s * maxPages) + page] = order[usedPages++];
            // Values depend on the sequence's own seed alone, not on the page or on its neighbours.
            using NativeBuffer<float> keys = NativeBuffer.Normal(positions * kvHeads * headDim, seed + (2 * positions));
            using NativeBuffer<float> values = NativeBuffer.Normal(positions * kvHeads * headDim, seed + (2 * positions) + 1);
            for (int i = 0; i < positions * kvHeads; i++)
            {
                (int position, int head) = Math.DivRem(i, kvHeads);
                int page = _pageTable.Span[(s * maxPages) + (position / KvLayout.PagePositions)];
                int slot = position % KvLayout.PagePositions;
                for (int d = 0; d < headDim; d++)
                {
                    KvLayout.Tile(_k.Pointer, page, kvHeads, head, headDim)[(d * KvLayout.PagePositions) + slot] =
                        keys.Pointer[(i * headDim) + d];
                    KvLayout.Tile(_v.Pointer, page, kvHeads, head, headDim)[(slot * headDim) + d] = values.Pointer[(i * headDim) + d];
                }
            }
            for (int i = 0; i < sequences[s].Rows; i++, row++)
            {
                _positions.Span[row] = sequences[s].Before + i;
                _sequences.Span[row] = s;
            }
        }

        Arguments = new AttentionArguments
        {
            Query = _query.Pointer,
            QueryStride = (heads * headDim) + Gap,
            KPool = _k.Pointer,
            VPool = _v.Pointer,
            PageTable = _pageTable.Pointer,
            MaxPages = maxPages,
            Positions = _positions.Pointer,
            Sequences = _sequences.Pointer,
            Output = Output.Pointer,
            OutputStride = (heads * headDim) + Gap,
            LogSumExp = LogSumExp.Pointer,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
        };
    }

    public (int Before, int Rows)[] Sequences { get; }

    public int Rows { get; }

    /// <summary>Pages of the cache.</summary>
    public int Pages { get; }

    /// <summary>The cache's keys.</summary>
    public NativeBuffer<float> Keys => _k;

    /// <summary>The cache's values.</summary>
    public NativeBuffer<float> Values => _v;

    public AttentionArguments Arguments { get; }

    public NativeBuffer<float> Output { get; }

    public NativeBuffer<float> LogSumExp { get; }

    public Span<float> QueryOf(int row) =>
        new(_query.Pointer + (row * Arguments.QueryStride), Arguments.Heads * Arguments.HeadDim);

    public Span<float> OutputOf(int row, int head) =>
        new(Output.Pointer + (row * Arguments.OutputStride) + (head * Arguments.HeadDim), Arguments.HeadDim);

    public void Dispose()
    {
        _query.Dispose();
        _k.Dispose();
        _v.Dispose();
        _pageTable.Dispose();
        _positions.Dispose();
        _sequences.Dispose();
        Output.Dispose();
        LogSumExp.Dispose();
    }

    private static int PagesOf(int positions) => (positions + KvLayout.PagePositions - 1) / KvLayout.PagePositions;
}
