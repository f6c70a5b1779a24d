using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>The size of an <see cref="AttentionBlock{TVector, TLanes}"/>.</summary>
internal static class AttentionBlock
{
    /// <summary>Queries in a block: enough that a K or V panel is read from the L1 cache three times of four.</summary>
    public const int Queries = Groups * AttentionTile.Queries;

    /// <summary>Register tiles in a block.</summary>
    public const int Groups = 4;

    /// <summary>The fewest queries of a group that are worth the six-query form, which costs as much as about three of the other.</summary>
    public const int FewestShared = 3;

    /// <summary>Rows of the workspace are rounded up to this many floats, the widest vector.</summary>
    public const int WidestVector = 16;

    /// <summary>Floats of workspace.</summary>
    public static int WorkspaceFloats(int headDim) =>
        Queries * (KvLayout.PagePositions + SumsStride(headDim) + WidestVector + headDim + 1);

    /// <summary>Floats from the output sums of a query to the next.</summary>
    public static int SumsStride(int headDim) => (headDim + WidestVector - 1) / WidestVector * WidestVector;
}

/// <summary>
/// Up to <see cref="AttentionBlock.Queries"/> queries of one kv head and their running softmax, in a caller's workspace. For each tile of
/// 64 positions, in ascending order: s = scale q·k; m' = max(m, s); p = e^(s-m'); l = l e^(m-m') + p; o = o e^(m-m') + p V;
/// at the end the output is o / l (online softmax: Milakov and Gimelshein, arXiv 1805.02867; tiling: Dao et al., arXiv
/// 2205.14135). l is kept as a vector of lane sums until the end.
/// <para>Nothing of one query enters another, and positions are added in ascending order whatever the block: a query's output
/// depends on itself and its positions alone.</para>
/// </summary>
internal readonly unsafe struct AttentionBlock<TVector, TLanes>
    where TVector : struct
    where TLanes : ILanes<TVector>
{
    private const int Queries = AttentionBlock.Queries;
    private const int Groups = AttentionBlock.Groups;
    private const int WidestVector = AttentionBlock.WidestVector;
    private const int Positions = KvLayout.PagePositions;

    private readonly int _headDim;
    private readonly int _sumsStride;
    private readonly float* _queries; // [group][headDim][6]
    private readonly float* _scores; // [query][64]
    private readonly float* _sums; // [query][_sumsStride]
    private readonly float* _normalizers; // [query][WidestVector]
    private readonly float* _maxima; // [query]

    /// <summary>Lays the block into a workspace of <see cref="AttentionBlock.WorkspaceFloats"/> floats.</summary>
    public AttentionBlock(float* workspace, int headDim)
    {
        _headDim = headDim;
        _sumsStride = AttentionBlock.SumsStride(headDim);
        _scores = workspace;
        _sums = _scores + (Queries * Positions);
        _normalizers = _sums + (Queries * _sumsStride);
        _queries = _normalizers + (Queries * WidestVector);
        _maxima = _queries + (Queries * headDim);
    }

    /// <summary>Makes <paramref name="q"/> [headDim] the query number <paramref name="index"/> and forgets its softmax.</summary>
    public void SetQuery(int index, float* q)
    {
        float scale = Scale(_headDim);
        float* destination = QueryAt(index);
        for (int d = 0; d < _headDim; d++)
            destination[d * AttentionTile.Queries] = q[d] * scale;
        new Span<float>(_sums + (index * _sumsStride), _sumsStride).Clear();
        new Span<float>(_normalizers + (index * WidestVector), WidestVector).Clear();
        _maxima[index] = float.NegativeInfinity;
    }

    /// <summary>Adds one tile of 64 positions for the first <paramref name="count"/> queries.</summary>
    /// <param name="k">K tile [headDim][64].</param>
    /// <param name="v">V tile [64][headDim].</param>
    /// <param name="nextK">The K tile that comes after this one; any address where there is none.</param>
    /// <param name="visible">For each query, how many of the tile's positions it sees: 0 to 64.</param>
    /// <param name="count">The number of queries.</param>
    public void AddTile<TElement>(byte* k, byte* v, byte* nextK, int* visible, int count)
        where TElement : IKvElement
    {
        int* fewest = stackalloc int[Groups];
        int* most = stackalloc int[Groups];
        for (int group = 0; group < Groups; group++)
        {
            fewest[group] = Positions;
            for (int i = group * AttentionTile.Queries; i < Math.Min(count, (group + 1) * AttentionTile.Queries); i++)
            {
                fewest[group] = Math.Min(fewest[group], visible[i]);
                most[group] = Math.Max(most[group], visible[i]);
            }
        }
        AddScores<TElement>(k, v, visible, most, count);
        for (int i = 0; i < count; i++)
        {
            if (visible[i] > 0)
                Normalize(i, visible[i]);
        }
        AddValues<TElement>(v, nextK, visible, fewest, count);
    }

    /// <summary>Writes o / l of a query and returns its log-sum-exp, m + log l.</summary>
    public float Finish(int index, float* output)
    {
        float normalizer = TLanes.Sum(TLanes.Load(_normalizers + (index * WidestVector)));
        TVector divisor = TLanes.Broadcast(normalizer);
        float* sums = _sums + (index * _sumsStride);
        int d = 0;
        for (; d <= _headDim - TLanes.Width; d += TLanes.Width)
            TLanes.Store(TLanes.Divide(TLanes.Load(sums + d), divisor), output + d);
        if (d < _headDim)
            TLanes.StorePartial(TLanes.Divide(TLanes.Load(sums + d), divisor), output + d, _headDim - d);
        return _maxima[index] + MathF.Log(normalizer);
    }

    /// <summary>1 / sqrt(headDim).</summary>
    public static float Scale(int headDim) => 1 / MathF.Sqrt(headDim);

    private static bool IsShared(int group, int count) => count - (group * AttentionTile.Queries) >= AttentionBlock.FewestShared;

    private float* QueryAt(int index)
    {
        (int group, int lane) = Math.DivRem(index, AttentionTile.Queries);
        return _queries + (group * AttentionTile.Queries * _headDim) + lane;
    }

    private void AddScores<TElement>(byte* k, byte* next, int* visible, int* most, int count)
        where TElement : IKvElement
    {
        int columns = 2 * TLanes.Width;
        for (int column = 0; column < Positions; column += columns)
        {
            for (int group = 0; group * AttentionTile.Queries < count; group++)
            {
                int first = group * AttentionTile.Queries;
                if (most[group] > column && IsShared(group, count))
                {
                    AttentionTile.SixScores<TVector, TLanes, TElement>(
                        QueryAt(first), k, _headDim, column, _scores + (first * Positions) + column, group == 0 ? next : k);
                }
            }
        }
        for (int i = 0; i < count; i++)
        {
            if (IsShared(i / AttentionTile.Queries, count))
                continue;
            for (int column = 0; column < visible[i]; column += 2 * columns)
            {
                AttentionTile.OneScores<TVector, TLanes, TElement>(
                    QueryAt(i), k, _headDim, column, _scores + (i * Positions) + column, i == 0 ? next : k);
            }
        }
    }

    /// <summary>Turns a query's scores into probabilities relative to its running maximum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalize(int index, int visible)
    {
        int width = TLanes.Width;
        float* scores = _scores + (index * Positions);
        float* normalizers = _normalizers + (index * WidestVector);
        int end = (visible + width - 1) / width * width;
        for (int j = visible; j < end; j++)
            scores[j] = float.NegativeInfinity;

        TVector largest = TLanes.Load(scores);
        for (int j = width; j < end; j += width)
            largest = TLanes.Max(largest, TLanes.Load(scores + j));
        float maximum = TLanes.MaxLane(largest);
        TVector normalizer = TLanes.Load(normalizers);
        if (maximum > _maxima[index])
        {
            TVector factor = TLanes.Exp(TLanes.Broadcast(_maxima[index] - maximum));
            _maxima[index] = maximum;
            normalizer = TLanes.Multiply(normalizer, factor);
            float* sums = _sums + (index * _sumsStride);
            for (int d = 0; d < _headDim; d += width)
                TLanes.Store(TLanes.Multiply(TLanes.Load(sums + d), factor), sums + d);
        }

        // While every score is -inf the maximum is too; 0 in its place makes the probabilities 0 instead of NaN.
        TVector shift = TLanes.Broadcast(float.IsNegativeInfinity(_maxima[index]) ? 0 : _maxima[index]);
        for (int j = 0; j < end; j += width)
        {
            TVector p = TLanes.Exp(TLanes.Subtract(TLanes.Load(scores + j), shift));
            TLanes.Store(p, scores + j);
            normalizer = TLanes.Add(normalizer, p);
        }
        TLanes.Store(normalizer, normalizers);
    }

    /// <summary>Positions that all queries of a group see are added for six at once, the others for each by itself.</summary>
    private void AddValues<TElement>(byte* v, byte* next, int* visible, int* fewest, int count)
        where TElement : IKvElement
    {
        int columns = 2 * TLanes.Width;
        int sharedColumns = _headDim / columns * columns;
        for (int column = 0; column < sharedColumns; column += columns)
        {
            for (int group = 0; group * AttentionTile.Queries < count; group++)
            {
                int first = group * AttentionTile.Queries;
                if (IsShared(group, count))
                {
                    AttentionTile.SixSums<TVector, TLanes, TElement>(
                        _scores + (first * Positions), v, fewest[group], _headDim, column, _sums + (first * _sumsStride), _sumsStride,
                        group == 0 ? next : v);
                }
            }
        }
        for (int i = 0; i < count; i++)
        {
            int group = i / AttentionTile.Queries;
            int done = IsShared(group, count) ? fewest[group] : 0;
            byte* wanted = i == 0 ? next : v;
            AddValues<TElement>(i, v, wanted, done, visible[i], 0, sharedColumns);
            AddValues<TElement>(i, v, wanted, 0, visible[i], sharedColumns, _headDim);
        }
    }

    private void AddValues<TElement>(int index, byte* v, byte* next, int firstPosition, int endPosition, int firstColumn, int endColumn)
        where TElement : IKvElement
    {
        if (firstPosition >= endPosition)
            return;
        float* p = _scores + (index * Positions);
        float* sums = _sums + (index * _sumsStride);
        int column = firstColumn;
        for (; column <= endColumn - (4 * TLanes.Width); column += 4 * TLanes.Width)
        {
            AttentionTile.OneSums<TVector, TLanes, TElement>(
                p, v, firstPosition, endPosition, _headDim, column, sums, next);
        }
        for (; column < endColumn; column += TLanes.Width)
        {
            AttentionTile.OneSumsPart<TVector, TLanes, TElement>(
                p, v, firstPosition, endPosition, _headDim, column, Math.Min(TLanes.Width, endColumn - column), sums);
        }
    }
}
