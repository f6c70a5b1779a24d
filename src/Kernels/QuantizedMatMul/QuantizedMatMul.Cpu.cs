using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form, panel by panel: a chunk of 256 products of a panel's 64 weight rows is unpacked to bytes into the L1 cache, then
/// every tile of A passes over it. The fp32 sums of a panel stay in the L2 cache. One row is multiplied by several panels side by side
/// where <see cref="PackedRowCode"/> was assembled, and as 640 rows are elsewhere.
/// </content>
public static unsafe partial class QuantizedMatMul
{
    /// <summary>How far ahead of its use packed memory is asked for.</summary>
    private const int AheadBytes = 8192;

    private const int LargestNibble = 15;

    private const int ChunkQuantBytes = ActivationBlocks.ChunkBlocks * PackedBlocks.QuantBytes;

    /// <summary>Two groups' scale and minimum of each block and column.</summary>
    private const int ChunkScaleFloats = ActivationBlocks.ChunkBlocks * 4 * Int8Tile.Columns;

    /// <summary>The instructions that multiply where no tile is assembled, with vectors of at most <paramref name="vectorBits"/>.</summary>
    public static string InstructionSet(int vectorBits) => vectorBits switch
    {
        >= 256 when AvxVnni.IsSupported => "AVX-VNNI",
        512 when Avx512BW.IsSupported => "AVX512BW",
        >= 256 when Avx2.IsSupported => "AVX2",
        _ when Ssse3.IsSupported => "SSSE3",
        _ => Dp.IsSupported ? "Arm dot product" : "128-bit SIMD",
    };

    /// <summary>Bytes of scratch memory that one thread needs for <see cref="Panels"/>.</summary>
    public static long ScratchBytes(int rows) =>
        ChunkQuantBytes + ((ChunkScaleFloats + ((long)rows * Int8Tile.Columns)) * sizeof(float));

    /// <summary>Multiplies all rows of A by panels [<paramref name="first"/>, <paramref name="end"/>) of all segments one after the other.</summary>
    /// <param name="arguments">As for <see cref="MatMul"/>, but the segments are packed panels; A is not read.</param>
    /// <param name="activations">A as <see cref="ActivationBlocks"/>.</param>
    /// <param name="tiles">The assembled tiles, or none.</param>
    /// <param name="rowFunctions">The assembled functions for one row, or none.</param>
    /// <param name="first">The first panel.</param>
    /// <param name="end">The end of the panels.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> bytes at a cache line's alignment.</param>
    public static void Panels<TVector, TLanes>(
        in MatMulArguments arguments, ActivationBlock* activations, Int8TileFunctions* tiles, PackedRowFunctions* rowFunctions, int first, int end, byte* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        WeightSegment* segment = arguments.Segments;
        int firstColumn = 0;
        int panel = first;
        for (; panel >= PackedPanels.Count(segment->Rows); segment++)
        {
            panel -= PackedPanels.Count(segment->Rows);
            firstColumn += segment->Rows;
        }
        for (int i = first; i < end; i++, panel++)
        {
            if (panel == PackedPanels.Count(segment->Rows))
            {
                firstColumn += segment->Rows;
                segment++;
                panel = 0;
            }
            if (arguments.Rows == 1 && rowFunctions != null && (*rowFunctions)[segment->Type] is var function and not 0)
            {
                int together = Math.Min(Math.Min(PackedRowCode.PanelsTogether(segment->Type), end - i), PackedPanels.Count(segment->Rows) - panel);
                Row<TVector, TLanes>(arguments, activations, function, segment, panel, together, firstColumn);
                i += together - 1;
                panel += together - 1;
                continue;
            }
            var use = new PanelUse<TVector, TLanes>(arguments, activations, tiles, segment, panel, firstColumn, scratch);
            PackedFormats.Use(segment->Type, ref use);
        }
    }

    private readonly struct PanelUse<TVector, TLanes>(
        MatMulArguments arguments, ActivationBlock* activations, Int8TileFunctions* tiles, WeightSegment* segment, int panel, int firstColumn, byte* scratch)
        : IPackedFormatUse
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        private readonly MatMulArguments _arguments = arguments;

        public void With<TFormat>()
            where TFormat : IPackedFormat =>
            Panel<TVector, TLanes, TFormat>(_arguments, activations, tiles, segment, panel, firstColumn, scratch);
    }

    private static void Row<TVector, TLanes>(
        in MatMulArguments arguments, ActivationBlock* activations, nint function, WeightSegment* segment, int panel, int panels, int firstColumn)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* sums = stackalloc float[PackedRowCode.MostPanels * Int8Tile.Columns];
        PackedRowFunctions.Multiply(function, activations, arguments.K, segment, panel, panels, sums);
        int column = panel * Int8Tile.Columns;
        int columns = Math.Min(panels * Int8Tile.Columns, segment->Rows - column);
        MatMul.Epilogue<TVector, TLanes>(arguments, sums, 0, firstColumn + column, columns);
    }

    private static void Panel<TVector, TLanes, TFormat>(
        in MatMulArguments arguments, ActivationBlock* activations, Int8TileFunctions* tiles, WeightSegment* segment, int panel, int firstColumn, byte* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TFormat : IPackedFormat
    {
        int rows = arguments.Rows;
        int blocks = arguments.K / ActivationBlock.Length;
        float* scales = (float*)(scratch + ChunkQuantBytes);
        float* sums = scales + ChunkScaleFloats;
        new Span<float>(sums, rows * Int8Tile.Columns).Clear();
        byte* packed = (byte*)segment->Data + (panel * PackedPanels.ByteLength(segment->Type, arguments.K));
        int packedBlocks = TFormat.Length / ActivationBlock.Length;
        int scaleFloats = TFormat.Scaling.Floats();
        if (tiles != null && (*tiles)[segment->Type, 1] == 0)
            tiles = null;
        // More tiles than one, or a tile of more rows, read the chunk more than once: from the L1 cache rather than from memory that is not cached.
        bool inPlace = TFormat.QuantsInPlace >= 0 && rows <= Int8TileCode.MostRowsInOrder && tiles != null && tiles->ReadInOrder;
        Int8TileArguments tile = new()
        {
            Scales = scales,
            WeightStride = inPlace ? TFormat.Bytes : PackedBlocks.QuantBytes,
        };
        for (int block = 0; block < blocks; block += ActivationBlocks.ChunkBlocks)
        {
            int count = Math.Min(ActivationBlocks.ChunkBlocks, blocks - block);
            tile.Weights = inPlace ? packed + TFormat.QuantsInPlace : scratch;
            tile.WeightsEnd = tile.Weights + (count * tile.WeightStride);
            for (int i = 0; i < count; i += packedBlocks)
            {
                TFormat.Unpack<TVector, TLanes>(
                    packed, inPlace ? null : scratch + (i * PackedBlocks.QuantBytes), scales + (i * scaleFloats), AheadBytes);
                packed += TFormat.Bytes;
            }
            tile.AStride = count * sizeof(ActivationBlock);
            for (int row = 0; row < rows;)
            {
                tile.A = ActivationBlocks.Find(activations, rows, row, block, count);
                tile.Sums = sums + (row * Int8Tile.Columns);
                row += Multiply<TLanes, TVector, TFormat>(&tile, tiles, segment->Type, rows - row);
            }
        }
        int column = panel * Int8Tile.Columns;
        int columns = Math.Min(Int8Tile.Columns, segment->Rows - column);
        for (int row = 0; row < rows; row++)
            MatMul.Epilogue<TVector, TLanes>(arguments, sums + (row * Int8Tile.Columns), row, firstColumn + column, columns);
    }

    /// <summary>One tile of the next rows; returns how many it took. <typeparamref name="TLanes"/> says how wide it may be.</summary>
    private static int Multiply<TLanes, TVector, TFormat>(Int8TileArguments* tile, Int8TileFunctions* tiles, ElementType type, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TFormat : IPackedFormat
    {
        if (tiles != null)
        {
            int taken = Math.Min(rows, Int8TileCode.MostRows);
            tiles->Multiply(tile, type, taken);
            return taken;
        }
        if (TLanes.Width >= Lanes256.Width && AvxVnni.IsSupported)
            return Int8Tile.Multiply<Vector256<byte>, VnniDots256, TFormat>(*tile, rows);
        if (TLanes.Width == Lanes512.Width && Avx512BW.IsSupported)
        {
            return TFormat.LargestQuant <= LargestNibble
                ? Int8Tile.Multiply<Vector512<byte>, NibbleDots512, TFormat>(*tile, rows)
                : Int8Tile.Multiply<Vector512<byte>, ByteDots512, TFormat>(*tile, rows);
        }
        if (TLanes.Width >= Lanes256.Width && Avx2.IsSupported)
        {
            return TFormat.LargestQuant <= LargestNibble
                ? Int8Tile.Multiply<Vector256<byte>, NibbleDots256, TFormat>(*tile, rows)
                : Int8Tile.Multiply<Vector256<byte>, ByteDots256, TFormat>(*tile, rows);
        }
        if (Ssse3.IsSupported)
        {
            return TFormat.LargestQuant <= LargestNibble
                ? Int8Tile.Multiply<Vector128<byte>, NibbleDots128, TFormat>(*tile, rows)
                : Int8Tile.Multiply<Vector128<byte>, ByteDots128, TFormat>(*tile, rows);
        }
        return Dp.IsSupported
            ? Int8Tile.Multiply<Vector128<byte>, ArmDots128, TFormat>(*tile, rows)
            : Int8Tile.Multiply<Vector128<byte>, PortableDots128, TFormat>(*tile, rows);
    }
}
