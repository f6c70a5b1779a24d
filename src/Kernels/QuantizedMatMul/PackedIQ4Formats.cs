using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>Pairs of nibbles that become levels of the IQ4 formats, plus 128, as they are unpacked.</summary>
internal static unsafe class IQ4Panels
{
    /// <summary>Bytes of the pairs of 32 weights of all columns, weights 0-15 low and 16-31 high as in the file.</summary>
    public const int PairBytes = PackedBlocks.QuantBytes / 2;

    public static void Unpack<TVector, TLanes>(byte* pairs, byte* quants, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.SplitNibbles<TVector, TLanes>(pairs, quants, quants + PairBytes, PairBytes, ahead);
        Vector128<byte> levels = Vector128.Create(IQ4Levels.Values).AsByte() ^ Vector128.Create((byte)0x80);
        PackedBlocks.LookUp<TVector, TLanes>(levels, quants, PackedBlocks.QuantBytes);
    }
}

/// <summary><see cref="BlockIQ4_NL"/>: scales, then <see cref="IQ4Panels"/>.</summary>
internal readonly unsafe struct PackedIQ4_NL : IPackedFormat
{
    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 7;

    public static int LargestQuant => 255;

    public static int Length => 32;

    public static int Bytes => PackedBlocks.HalvesBytes + IQ4Panels.PairBytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => PackedLayout.HalfBlockPairs(PackedBlocks.HalvesBytes, step),
        Levels = IQ4Levels.Values.ToArray(),
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockIQ4_NL*)source;
        ((Half*)packed)[column] = block->Scale;
        PackedBlocks.PackSteps(block->Quants, packed + PackedBlocks.HalvesBytes, column, 4);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, PackedBlocks.HalvesBytes);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        IQ4Panels.Unpack<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, quants, ahead);
    }
}

/// <summary><see cref="BlockIQ4_XS"/>: scales d, s - 32 [group of 32][column], then the <see cref="IQ4Panels"/> of each group.</summary>
internal readonly unsafe struct PackedIQ4_XS : IPackedFormat
{
    private const int Groups = 8;
    private const int PairsStart = PackedBlocks.HalvesBytes + (Groups * Int8Tile.Columns);

    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 7;

    public static int LargestQuant => 255;

    public static int Length => 256;

    public static int Bytes => PairsStart + (Groups * IQ4Panels.PairBytes);

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockIQ4_XS*)source;
        ((Half*)packed)[column] = block->Scale;
        for (int group = 0; group < Groups; group++)
            packed[PackedBlocks.HalvesBytes + (group * Int8Tile.Columns) + column] = (byte)BlockIQ4_XS.GroupScale(block, group);
        PackedBlocks.PackSteps(block->Quants, packed + PairsStart, column, 4 * Groups);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[Int8Tile.Columns];
        PackedBlocks.PrefetchRun(packed + ahead, PairsStart);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        for (int group = 0; group < Groups; group++)
        {
            var factors = (sbyte*)(packed + PackedBlocks.HalvesBytes + (group * Int8Tile.Columns));
            PackedBlocks.ScaleGroup<TVector, TLanes>(scale, factors, scales + (group * Int8Tile.Columns));
            byte* pairs = packed + PairsStart + (group * IQ4Panels.PairBytes);
            IQ4Panels.Unpack<TVector, TLanes>(pairs, quants + (group * PackedBlocks.QuantBytes), ahead);
        }
    }
}
