using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form for M &gt; 1. A is packed once into tiles; a panel of weight rows is widened to fp32 and packed into the
/// L2 cache, then every tile of A passes over it: vector accumulators live in registers for <see cref="BlockLength"/>
/// products and in the L1 cache between such blocks, so lanes are added across only once in a chunk.
/// <para>Reads each weight once, A once a panel (from the L3 cache), writes C once.</para>
/// </content>
public static unsafe partial class MatMul
{
    /// <summary>Products that a tile adds before it moves to its neighbour: A's block stays in the L1 cache.</summary>
    private const int BlockLength = 1024;

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
        return ((long)rows * PaddedChunk(k)) + ((long)rows * TileSide * 16) + ((long)rows * TileSide);
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
                PackRow<TVector, TLanes, F32Element>((byte*)source, length, destination + (row * TLanes.Width), side * TLanes.Width);
            }
        }
    }

    /// <summary>
    /// Multiplies all of packed A by one panel of weights, one chunk of products. Sums of chunks before the last are kept in
    /// <paramref name="sums"/> [M, N]; the last chunk adds to them, applies the epilogue and writes C.
    /// </summary>
    public static void Panel<TVector, TLanes>(
        in MatMulArguments arguments, float* packed, float* sums, int chunk, int panel, float* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        if (TileSide == Tile5.Side)
            PanelOfTiles<TVector, TLanes, Tile5>(arguments, packed, sums, chunk, panel, scratch);
        else
            PanelOfTiles<TVector, TLanes, Tile3>(arguments, packed, sums, chunk, panel, scratch);
    }

    private static void PanelOfTiles<TVector, TLanes, TTile>(
        in MatMulArguments arguments, float* packed, float* sums, int chunk, int panel, float* scratch)
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
        int accumulatorFloats = side * side * width;

        float* weights = scratch;
        float* accumulators = weights + ((long)columnTiles * tileFloats);
        float* tileSums = accumulators + ((long)columnTiles * accumulatorFloats);
        PackWeights<TVector, TLanes>(arguments, weights, tileFloats, side, chunk, firstColumn, columns);

        int rowTiles = (arguments.Rows + side - 1) / side;
        for (int rowTile = 0; rowTile < rowTiles; rowTile++)
        {
            float* a = PackedTile(arguments, packed, chunk, rowTile);
            for (int step = 0; step < steps; step += BlockLength / width)
            {
                int blockSteps = Math.Min(BlockLength / width, steps - step);
                for (int tile = 0; tile < columnTiles; tile++)
                {
                    TTile.Accumulate<TVector, TLanes>(
                        a + (step * side * width), weights + ((long)tile * tileFloats) + (step * side * width), blockSteps,
                        accumulators + (tile * accumulatorFloats), first: step == 0);
                }
            }
            int rows = Math.Min(side, arguments.Rows - (rowTile * side));
            AddLanes<TVector, TLanes>(accumulators, columnTiles, side, rows, tileSums);
            for (int row = 0; row < rows; row++)
                Finish<TVector, TLanes>(arguments, tileSums + (row * columnTiles * side), sums, chunk, (rowTile * side) + row, firstColumn, columns);
        }
    }

    private static void AddLanes<TVector, TLanes>(float* accumulators, int columnTiles, int side, int rows, float* tileSums)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        for (int tile = 0; tile < columnTiles; tile++)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < side; column++)
                {
                    tileSums[(row * columnTiles * side) + (tile * side) + column] = TLanes.Sum(TLanes.Load(accumulators));
                    accumulators += width;
                }
            }
            accumulators += (side - rows) * side * width;
        }
    }

    /// <summary>Joins a row of chunk sums with those before; after the last chunk writes f(sum + bias) + residual.</summary>
    private static void Finish<TVector, TLanes>(
        in MatMulArguments arguments, float* chunkSums, float* sums, int chunk, int row, int firstColumn, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* before = sums + ((long)row * arguments.Columns) + firstColumn;
        if (chunk > 0)
        {
            for (int i = 0; i < columns; i++)
                chunkSums[i] = before[i] + chunkSums[i];
        }
        if (chunk + 1 < ChunkCount(arguments.K))
            new ReadOnlySpan<float>(chunkSums, columns).CopyTo(new Span<float>(before, columns));
        else
            Epilogue<TVector, TLanes>(arguments, chunkSums, row, firstColumn, columns);
    }

    private static void Epilogue<TVector, TLanes>(in MatMulArguments arguments, float* values, int row, int firstColumn, int columns)
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
        for (int column = 0; column < (columns + side - 1) / side * side; column++)
        {
            float* destination = weights + ((long)(column / side) * tileFloats) + (column % side * TLanes.Width);
            if (column >= columns)
            {
                PackRow<TVector, TLanes, F32Element>(null, length, destination, stride);
                continue;
            }
            WeightSegment* segment = arguments.SegmentOf(firstColumn + column, out int row);
            byte* source = (byte*)segment->Data + ((((long)row * arguments.K) + start) * segment->Type.Size());
            if (segment->Type == ElementType.F16)
                PackRow<TVector, TLanes, F16Element>(source, length, destination, stride);
            else if (segment->Type == ElementType.BF16)
                PackRow<TVector, TLanes, BF16Element>(source, length, destination, stride);
            else
                PackRow<TVector, TLanes, F32Element>(source, length, destination, stride);
        }
    }

    private static void PackRow<TVector, TLanes, TElement>(byte* source, int length, float* destination, int stride)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IWeightElement
    {
        int i = 0;
        if (source != null)
        {
            for (; i + TLanes.Width <= length; i += TLanes.Width)
            {
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
