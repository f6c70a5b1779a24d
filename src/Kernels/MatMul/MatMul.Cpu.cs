using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M &gt; 1, chunk by chunk: A is packed once into tiles; a panel of weight rows is widened to fp32 and packed
/// into the L2 cache, then every tile of A, from the L3 cache, passes over it with its sums in registers.
/// <para>Reads each weight once, a chunk of A once a panel, and writes C, or sums of its size, once a chunk.</para>
/// </content>
public static unsafe partial class MatMul
{
    /// <summary>How far ahead the rows of weights are prefetched.</summary>
    private const nint RowsAhead = 2;

    /// <summary>Bytes of packed weights that stay in the L2 cache beside A's stream.</summary>
    private const int PanelBytes = 480 * 1024;

    /// <summary>Rows of A that are multiplied in one pass over the weights, so that their packed chunk stays in the L3 cache.</summary>
    public const int LongestRowBlock = 640;

    /// <summary>The side of the register tile on this CPU: 5 where there are 32 vector registers, else 3.</summary>
    public static int TileSide => Avx512F.VL.IsSupported || AdvSimd.Arm64.IsSupported ? Tile5.Side : Tile3.Side;

    /// <summary>Weight rows in a panel for sums over <paramref name="k"/> products.</summary>
    public static int PanelRows(int k)
    {
        int side = TileSide;
        int rows = PanelBytes / (PaddedChunk(k) * sizeof(float));
        return Math.Max(1, rows / side) * side;
    }

    /// <summary>Floats of packed A for <paramref name="rows"/> rows.</summary>
    public static long PackedFloats(int rows, int k) =>
        (long)((rows + TileSide - 1) / TileSide * TileSide) * ChunkCount(k) * PaddedChunk(k);

    /// <summary>Floats of scratch memory that one thread needs for <see cref="Panel"/>.</summary>
    public static long PanelScratchFloats(int k)
    {
        int rows = PanelRows(k);
        return ((long)rows * PaddedChunk(k)) + ((long)rows * TileSide);
    }

    /// <summary>Packs one tile of A, all its chunks, as [chunk][step][row][lane]; rows and products that are not there are 0.</summary>
    public static void Pack<TVector, TLanes>(in MatMulArguments arguments, float* packed, int tile)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int side = TileSide;
        int chunkLength = ChunkLength(arguments.K);
        for (int chunk = 0; chunk < ChunkCount(arguments.K); chunk++)
        {
            float* destination = PackedTile(arguments, packed, chunk, tile);
            int start = chunk * chunkLength;
            int length = Math.Min(chunkLength, arguments.K - start);
            for (int row = 0; row < side; row++)
            {
                int m = (tile * side) + row;
                float* source = m < arguments.Rows ? arguments.A + (m * arguments.AStride) + start : null;
                PackRow<TVector, TLanes, F32Element>((byte*)source, length, destination + (row * TLanes.Width), side * TLanes.Width, ahead: 0);
            }
        }
    }

    /// <summary>
    /// Multiplies all of packed A by one panel of weights, one chunk of products. Sums of chunks before the last are kept in
    /// <paramref name="sums"/> [M, N], which may be C where no residual is; the last chunk adds to them, applies the epilogue
    /// and writes C.
    /// </summary>
    public static void Panel<TVector, TLanes>(
        in MatMulArguments arguments, float* packed, float* sums, nint sumsStride, int chunk, int panel, float* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        if (TileSide == Tile5.Side)
            PanelOfTiles<TVector, TLanes, Tile5>(arguments, packed, sums, sumsStride, chunk, panel, scratch);
        else
            PanelOfTiles<TVector, TLanes, Tile3>(arguments, packed, sums, sumsStride, chunk, panel, scratch);
    }

    private static void PanelOfTiles<TVector, TLanes, TTile>(
        in MatMulArguments arguments, float* packed, float* sums, nint sumsStride, int chunk, int panel, float* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TTile : IMatMulTile
    {
        int side = TTile.Side;
        int width = TLanes.Width;
        int firstColumn = panel * PanelRows(arguments.K);
        int columns = Math.Min(PanelRows(arguments.K), arguments.Columns - firstColumn);
        int columnTiles = (columns + side - 1) / side;
        int chunkLength = ChunkLength(arguments.K);
        int steps = (Math.Min(chunkLength, arguments.K - (chunk * chunkLength)) + width - 1) / width;
        int tileFloats = PaddedChunk(arguments.K) * side;
        float* weights = scratch;
        float* tileSums = weights + ((long)columnTiles * tileFloats);
        PackWeights<TVector, TLanes>(arguments, weights, tileFloats, side, chunk, firstColumn, columns);

        int rowTiles = (arguments.Rows + side - 1) / side;
        int sumsWidth = columnTiles * side;
        for (int rowTile = 0; rowTile < rowTiles; rowTile++)
        {
            float* a = PackedTile(arguments, packed, chunk, rowTile);
            for (int tile = 0; tile < columnTiles; tile++)
                TTile.Multiply<TVector, TLanes>(a, weights + ((long)tile * tileFloats), steps, tileSums + (tile * side), sumsWidth);
            int rows = Math.Min(side, arguments.Rows - (rowTile * side));
            for (int row = 0; row < rows; row++)
            {
                Finish<TVector, TLanes>(
                    arguments, tileSums + (row * sumsWidth), sums, sumsStride, chunk, (rowTile * side) + row, firstColumn, columns);
            }
        }
    }

    /// <summary>Joins a row of chunk sums with those before; after the last chunk writes f(sum + bias) + residual.</summary>
    private static void Finish<TVector, TLanes>(
        in MatMulArguments arguments, float* chunkSums, float* sums, nint sumsStride, int chunk, int row, int firstColumn, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* before = sums + (row * sumsStride) + firstColumn;
        if (chunk > 0)
        {
            int i = 0;
            for (; i + TLanes.Width <= columns; i += TLanes.Width)
                TLanes.Store(TLanes.Add(TLanes.Load(before + i), TLanes.Load(chunkSums + i)), chunkSums + i);
            for (; i < columns; i++)
                chunkSums[i] = before[i] + chunkSums[i];
        }
        if (chunk + 1 < ChunkCount(arguments.K))
            new ReadOnlySpan<float>(chunkSums, columns).CopyTo(new Span<float>(before, columns));
        else
            Epilogue<TVector, TLanes>(arguments, chunkSums, row, firstColumn, columns);
    }

    internal static void Epilogue<TVector, TLanes>(in MatMulArguments arguments, float* values, int row, int firstColumn, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* bias = arguments.Bias == null ? null : arguments.Bias + firstColumn;
        nint offset = (row * arguments.CStride) + firstColumn;
        float* residual = arguments.Residual == null ? null : arguments.Residual + offset;
        float* c = arguments.C + offset;
        for (int i = 0; i < columns; i += TLanes.Width)
        {
            int count = Math.Min(TLanes.Width, columns - i);
            bool whole = count == TLanes.Width;
            TVector value = whole ? TLanes.Load(values + i) : TLanes.LoadPartial(values + i, count);
            if (bias != null)
                value = TLanes.Add(value, whole ? TLanes.Load(bias + i) : TLanes.LoadPartial(bias + i, count));
            if (arguments.Activation == MatMulActivation.QuickGelu)
                value = QuickGelu.Apply<TVector, TLanes>(value);
            else if (arguments.Activation == MatMulActivation.Gelu)
                value = Gelu.Apply<TVector, TLanes>(value);
            if (residual != null)
                value = TLanes.Add(value, whole ? TLanes.Load(residual + i) : TLanes.LoadPartial(residual + i, count));
            if (whole)
                TLanes.Store(value, c + i);
            else
                TLanes.StorePartial(value, c + i, count);
        }
    }

    private static void PackWeights<TVector, TLanes>(
        in MatMulArguments arguments, float* weights, int tileFloats, int side, int chunk, int firstColumn, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int chunkLength = ChunkLength(arguments.K);
        int start = chunk * chunkLength;
        int length = Math.Min(chunkLength, arguments.K - start);
        int stride = side * TLanes.Width;
        float* dequantized = stackalloc float[DequantizedFloats];
        for (int column = 0; column < (columns + side - 1) / side * side; column++)
        {
            float* destination = weights + ((long)(column / side) * tileFloats) + (column % side * TLanes.Width);
            if (column >= columns)
            {
                PackRow<TVector, TLanes, F32Element>(null, length, destination, stride, ahead: 0);
                continue;
            }
            WeightSegment* segment = arguments.SegmentOf(firstColumn + column, out int row);
            if (segment->Type.IsQuantized())
            {
                float* chunkWeights = DequantizeChunk<TVector, TLanes>(*segment, row, arguments.K, start, length, dequantized);
                PackRow<TVector, TLanes, F32Element>((byte*)chunkWeights, length, destination, stride, ahead: 0);
                continue;
            }
            byte* source = (byte*)segment->Data + ((((long)segment->StoredRow(row) * arguments.K) + start) * segment->Type.Size());
            nint ahead = RowsAhead * segment->RowStep * arguments.K * segment->Type.Size();
            if (segment->Type == ElementType.F16)
                PackRow<TVector, TLanes, F16Element>(source, length, destination, stride, ahead);
            else if (segment->Type == ElementType.BF16)
                PackRow<TVector, TLanes, BF16Element>(source, length, destination, stride, ahead);
            else
                PackRow<TVector, TLanes, F32Element>(source, length, destination, stride, ahead);
        }
    }

    /// <summary>
    /// Widens <paramref name="length"/> numbers, fills up the last vector with zeros, and puts vectors <paramref name="stride"/>
    /// floats apart. The memory <paramref name="ahead"/> bytes further on is prefetched: the next rows' part of the chunk.
    /// </summary>
    private static void PackRow<TVector, TLanes, TElement>(byte* source, int length, float* destination, int stride, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int i = 0;
        if (source != null)
        {
            for (; i + TLanes.Width <= length; i += TLanes.Width)
            {
                Prefetch.Ahead(source + ((nint)i * TElement.Bytes) + ahead, TLanes.Width * TElement.Bytes);
                TLanes.Store(TElement.Load<TVector, TLanes>(source + ((nint)i * TElement.Bytes)), destination);
                destination += stride;
            }
        }
        for (; i < length; i += TLanes.Width)
        {
            for (int lane = 0; lane < TLanes.Width; lane++)
                destination[lane] = source != null && i + lane < length ? TElement.Widen(source + ((nint)(i + lane) * TElement.Bytes)) : 0f;
            destination += stride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* PackedTile(in MatMulArguments arguments, float* packed, int chunk, int tile)
    {
        int tiles = (arguments.Rows + TileSide - 1) / TileSide;
        return packed + ((((long)chunk * tiles) + tile) * TileSide * PaddedChunk(arguments.K));
    }

    /// <summary>The longest chunk in whole vectors of any width.</summary>
    private static int PaddedChunk(int k) => (Math.Min(k, ChunkLength(k)) + 15) / 16 * 16;
}
