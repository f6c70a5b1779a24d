using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// <see cref="BlockQ4_K"/>: scales d, scales m, s [group][column], t [group][column], then the pairs of nibbles of each two groups.
/// </summary>
internal readonly unsafe struct PackedQ4_K : IPackedFormat
{
    private const int Groups = 8;
    private const int GroupsStart = 2 * PackedBlocks.HalvesBytes;
    private const int PairsStart = GroupsStart + (2 * Groups * Int8Tile.Columns);

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 0;

    public static bool AreNibbles => true;

    public static int Length => 256;

    public static int Bytes => PairsStart + (Groups / 2 * PackedBlocks.QuantBytes);

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ4_K*)source;
        PackGroups(block->Scale, block->MinimumScale, block->GroupScales, block->Quants, packed, column);
    }

    /// <summary>Packs what <see cref="BlockQ5_K"/> holds in the same way: both scales, those of the groups, and the nibbles.</summary>
    public static void PackGroups(Half scale, Half minimumScale, byte* groupScales, byte* quants, byte* packed, int column)
    {
        ((Half*)packed)[column] = scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = minimumScale;
        for (int group = 0; group < Groups; group++)
        {
            (int factor, int minimum) = SixBitScales.Read(groupScales, group);
            packed[GroupsStart + (group * Int8Tile.Columns) + column] = (byte)factor;
            packed[GroupsStart + ((Groups + group) * Int8Tile.Columns) + column] = (byte)minimum;
        }
        PackedBlocks.PackSteps(quants, packed + PairsStart, column, 32);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[2 * Int8Tile.Columns];
        float* minimum = scale + Int8Tile.Columns;
        PackedBlocks.PrefetchRun(packed + ahead, PairsStart);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        PackedBlocks.WidenScales<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, minimum);
        for (int group = 0; group < Groups; group++)
        {
            var factors = (sbyte*)(packed + GroupsStart + (group * Int8Tile.Columns));
            float* scaled = scales + (2 * group * Int8Tile.Columns);
            PackedBlocks.ScaleGroup<TVector, TLanes>(scale, factors, scaled);
            PackedBlocks.ScaleGroup<TVector, TLanes>(minimum, factors + (Groups * Int8Tile.Columns), scaled + Int8Tile.Columns);
        }
        for (int group = 0; group < Groups; group += 2)
        {
            byte* low = quants + (group * PackedBlocks.QuantBytes);
            PackedBlocks.SplitNibbles<TVector, TLanes>(
                packed + PairsStart + (group / 2 * PackedBlocks.QuantBytes), low, low + PackedBlocks.QuantBytes, PackedBlocks.QuantBytes, ahead);
        }
    }
}

/// <summary>
/// <see cref="BlockQ5_K"/>: scales d, scales m, s [group][column], t [group][column], then the pairs of nibbles of each two groups, then bit g of byte j of a columns four, step by step, is bit 4 of a weight of group g.
/// </summary>
internal readonly unsafe struct PackedQ5_K : IPackedFormat
{
    private const int Groups = 8;

    private static int HighStart => PackedQ4_K.Bytes;

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 0;

    public static bool AreNibbles => false;

    public static int Length => 256;

    public static int Bytes => HighStart + PackedBlocks.QuantBytes;

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ5_K*)source;
        PackedQ4_K.PackGroups(block->Scale, block->MinimumScale, block->GroupScales, block->QuantsLow, packed, column);
        PackedBlocks.PackSteps(block->QuantsHigh, packed + HighStart, column, 8);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedQ4_K.Unpack<TVector, TLanes>(packed, quants, scales, ahead);
        PackedBlocks.PrefetchRun(packed + HighStart + ahead, PackedBlocks.QuantBytes);
        for (int group = 0; group < Groups; group++)
            PackedBlocks.AddHighBits<TVector, TLanes>(packed + HighStart, group, 1, 4, quants + (group * PackedBlocks.QuantBytes), PackedBlocks.QuantBytes);
    }
}

/// <summary>
/// <see cref="BlockQ6_K"/>: scales d, s [group of 16][column], then for each 128 weights the pairs of nibbles of weights 0-63 (low) and
/// 64-127 (high), and the two upper bits as in the file, four weights a byte.
/// </summary>
internal readonly unsafe struct PackedQ6_K : IPackedFormat
{
    private const int Groups = 16;
    private const int HalvesStart = PackedBlocks.HalvesBytes + (Groups * Int8Tile.Columns);
    private const int PairBytes = 2 * PackedBlocks.QuantBytes;
    private const int HalfBytes = PairBytes + PackedBlocks.QuantBytes;

    public static Int8Scaling Scaling => Int8Scaling.HalfBlock;

    public static int OffsetShift => 5;

    public static bool AreNibbles => false;

    public static int Length => 256;

    public static int Bytes => HalvesStart + (2 * HalfBytes);

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ6_K*)source;
        ((Half*)packed)[column] = block->Scale;
        for (int group = 0; group < Groups; group++)
            packed[PackedBlocks.HalvesBytes + (group * Int8Tile.Columns) + column] = (byte)block->GroupScales[group];
        for (int half = 0; half < 2; half++)
        {
            byte* start = packed + HalvesStart + (half * HalfBytes);
            PackedBlocks.PackSteps(block->QuantsLow + (half * 64), start, column, 16);
            PackedBlocks.PackSteps(block->QuantsHigh + (half * 32), start + PairBytes, column, 8);
        }
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[Int8Tile.Columns];
        PackedBlocks.PrefetchRun(packed + ahead, HalvesStart);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        for (int group = 0; group < Groups; group++)
        {
            var factors = (sbyte*)(packed + PackedBlocks.HalvesBytes + (group * Int8Tile.Columns));
            PackedBlocks.ScaleGroup<TVector, TLanes>(scale, factors, scales + (group * Int8Tile.Columns));
        }
        for (int half = 0; half < 2; half++)
        {
            byte* pairs = packed + HalvesStart + (half * HalfBytes);
            byte* low = quants + (half * 4 * PackedBlocks.QuantBytes);
            PackedBlocks.SplitNibbles<TVector, TLanes>(pairs, low, low + PairBytes, PairBytes, ahead);
            byte* high = pairs + PairBytes;
            PackedBlocks.PrefetchRun(high + ahead, PackedBlocks.QuantBytes);
            for (int block = 0; block < 4; block++)
                PackedBlocks.AddHighBits<TVector, TLanes>(high, 2 * block, 3, 4, low + (block * PackedBlocks.QuantBytes), PackedBlocks.QuantBytes);
        }
    }
}
