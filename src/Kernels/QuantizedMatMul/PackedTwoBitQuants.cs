using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The K-quants whose quants begin with two bits each, four weights a byte: for each 128 weights, bits 2b and 2b + 1 of a column's 32
/// bytes, step by step, are those of its 32 weights b.
/// </summary>
internal static unsafe class TwoBitPanels
{
    public const int Bytes = 2 * PackedBlocks.QuantBytes;

    public static void Pack(byte* source, byte* packed, int column) => PackedBlocks.PackSteps(source, packed, column, 16);

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, Bytes);
        for (int block = 0; block < 8; block++)
        {
            byte* fourBlocks = packed + (block / 4 * PackedBlocks.QuantBytes);
            PackedBlocks.TakeBits<TVector, TLanes>(
                fourBlocks, block % 4 * 2, 3, quants + (block * PackedBlocks.QuantBytes), PackedBlocks.QuantBytes);
        }
    }
}

/// <summary>
/// <see cref="BlockQ2_K"/>: scales d, scales m, then s and t as in the file [group of 16][column], then <see cref="TwoBitPanels"/>.
/// </summary>
internal readonly unsafe struct PackedQ2_K : IPackedFormat
{
    private const int Groups = 16;
    private const int GroupsStart = 2 * PackedBlocks.HalvesBytes;
    private const int GroupBytes = Groups * Int8Tile.Columns;
    private const int QuantsStart = GroupsStart + GroupBytes;

    public static Int8Scaling Scaling => Int8Scaling.AffineHalfBlock;

    public static int OffsetShift => 0;

    public static int LargestQuant => 3;

    public static int Length => 256;

    public static int Bytes => QuantsStart + TwoBitPanels.Bytes;

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ2_K*)source;
        ((Half*)packed)[column] = block->Scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = block->MinimumScale;
        for (int group = 0; group < Groups; group++)
            packed[GroupsStart + (group * Int8Tile.Columns) + column] = block->GroupScales[group];
        TwoBitPanels.Pack(block->Quants, packed + QuantsStart, column);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[2 * Int8Tile.Columns];
        float* minimum = scale + Int8Tile.Columns;
        byte* factors = stackalloc byte[2 * GroupBytes];
        PackedBlocks.PrefetchRun(packed + ahead, GroupsStart);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        PackedBlocks.WidenScales<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, minimum);
        PackedBlocks.SplitNibbles<TVector, TLanes>(packed + GroupsStart, factors, factors + GroupBytes, GroupBytes, ahead);
        for (int group = 0; group < Groups; group++)
        {
            var factor = (sbyte*)(factors + (group * Int8Tile.Columns));
            float* scaled = scales + (((group / 2 * 4) + (group % 2)) * Int8Tile.Columns);
            PackedBlocks.ScaleGroup<TVector, TLanes>(scale, factor, scaled);
            PackedBlocks.ScaleGroup<TVector, TLanes>(minimum, factor + GroupBytes, scaled + (2 * Int8Tile.Columns));
        }
        TwoBitPanels.Unpack<TVector, TLanes>(packed + QuantsStart, quants, ahead);
    }
}

/// <summary>
/// <see cref="BlockQ3_K"/>: scales d, s - 32 [group of 16][column], then <see cref="TwoBitPanels"/>, then bit b of byte j of a column's
/// four, step by step, is bit 2 of its 32 weights b.
/// </summary>
internal readonly unsafe struct PackedQ3_K : IPackedFormat
{
    private const int Groups = 16;
    private const int QuantsStart = PackedBlocks.HalvesBytes + (Groups * Int8Tile.Columns);
    private const int HighStart = QuantsStart + TwoBitPanels.Bytes;

    public static Int8Scaling Scaling => Int8Scaling.HalfBlock;

    public static int OffsetShift => 2;

    public static int LargestQuant => 7;

    public static int Length => 256;

    public static int Bytes => HighStart + PackedBlocks.QuantBytes;

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ3_K*)source;
        ((Half*)packed)[column] = block->Scale;
        for (int group = 0; group < Groups; group++)
            packed[PackedBlocks.HalvesBytes + (group * Int8Tile.Columns) + column] = (byte)BlockQ3_K.GroupScale(block, group);
        TwoBitPanels.Pack(block->QuantsLow, packed + QuantsStart, column);
        PackedBlocks.PackSteps(block->QuantsHigh, packed + HighStart, column, 8);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[Int8Tile.Columns];
        PackedBlocks.PrefetchRun(packed + ahead, QuantsStart);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        for (int group = 0; group < Groups; group++)
        {
            var factors = (sbyte*)(packed + PackedBlocks.HalvesBytes + (group * Int8Tile.Columns));
            PackedBlocks.ScaleGroup<TVector, TLanes>(scale, factors, scales + (group * Int8Tile.Columns));
        }
        TwoBitPanels.Unpack<TVector, TLanes>(packed + QuantsStart, quants, ahead);
        PackedBlocks.PrefetchRun(packed + HighStart + ahead, PackedBlocks.QuantBytes);
        for (int block = 0; block < 8; block++)
        {
            PackedBlocks.AddHighBits<TVector, TLanes>(
                packed + HighStart, block, 1, 2, quants + (block * PackedBlocks.QuantBytes), PackedBlocks.QuantBytes);
        }
    }
}
