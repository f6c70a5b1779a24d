using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>What the packed formats have in common.</summary>
internal static unsafe class PackedBlocks
{
    /// <summary>Bytes of one binary16 for each column.</summary>
    public const int HalvesBytes = Int8Tile.Columns * sizeof(ushort);

    /// <summary>Bytes from four weights of a column to the next four.</summary>
    public const int StepBytes = Int8Tile.Columns * 4;

    /// <summary>Bytes of the quants of 32 weights of all columns, one a byte.</summary>
    public const int QuantBytes = ActivationBlock.Length * Int8Tile.Columns;

    /// <summary>Widens a binary16 for each column.</summary>
    public static void WidenScales<TVector, TLanes>(byte* halves, float* scales)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int column = 0; column < Int8Tile.Columns; column += TLanes.Width)
            TLanes.Store(TLanes.LoadF16((ushort*)halves + column), scales + column);
    }

    /// <summary>low[i] = the low nibble of source[i], high[i] its high one, for <paramref name="bytes"/> bytes, a multiple of 64.</summary>
    public static void SplitNibbles<TVector, TLanes>(byte* source, byte* low, byte* high, int bytes, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int i = 0; i < bytes; i += 64)
        {
            Prefetch.Stream(source + i + ahead, 64);
            if (TLanes.Width == Lanes512.Width)
            {
                Split(Vector512.Load(source + i), low + i, high + i);
                continue;
            }
            for (int j = i; j < i + 64; j += TLanes.Width * 4)
            {
                if (TLanes.Width == Lanes256.Width)
                    Split(Vector256.Load(source + j), low + j, high + j);
                else
                    Split(Vector128.Load(source + j), low + j, high + j);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(Vector512<byte> pairs, byte* low, byte* high)
    {
        Vector512<byte> mask = Vector512.Create((byte)15);
        (pairs & mask).Store(low);
        ((pairs.AsUInt16() >>> 4).AsByte() & mask).Store(high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(Vector256<byte> pairs, byte* low, byte* high)
    {
        Vector256<byte> mask = Vector256.Create((byte)15);
        (pairs & mask).Store(low);
        ((pairs.AsUInt16() >>> 4).AsByte() & mask).Store(high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(Vector128<byte> pairs, byte* low, byte* high)
    {
        Vector128<byte> mask = Vector128.Create((byte)15);
        (pairs & mask).Store(low);
        ((pairs.AsUInt16() >>> 4).AsByte() & mask).Store(high);
    }
}

/// <summary><see cref="Quantization.BlockQ8_0"/>: scales, then q + 128 as the tile reads them.</summary>
internal readonly unsafe struct PackedQ8_0 : IPackedFormat
{
    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 7;

    public static bool AreNibbles => false;

    public static int Length => 32;

    public static int Bytes => PackedBlocks.HalvesBytes + PackedBlocks.QuantBytes;

    public static int QuantsInPlace => PackedBlocks.HalvesBytes;

    public static void Pack(byte* source, byte* packed, int column)
    {
        ((ushort*)packed)[column] = *(ushort*)source;
        uint* quants = (uint*)(packed + PackedBlocks.HalvesBytes) + column;
        for (int step = 0; step < 8; step++)
            quants[step * Int8Tile.Columns] = ((uint*)(source + 2))[step] ^ 0x80808080;
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        if (quants == null)
            return;
        for (int i = 0; i < PackedBlocks.QuantBytes; i += TLanes.Width * sizeof(float))
        {
            Prefetch.Stream(packed + i + ahead, 64);
            TLanes.Store(TLanes.Load((float*)(packed + PackedBlocks.HalvesBytes + i)), (float*)(quants + i));
        }
    }
}

/// <summary><see cref="Quantization.BlockQ4_0"/>: scales, then the pairs of nibbles, weights 0-15 low and 16-31 high as in the file.</summary>
internal readonly unsafe struct PackedQ4_0 : IPackedFormat
{
    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 3;

    public static bool AreNibbles => true;

    public static int Length => 32;

    public static int Bytes => PackedBlocks.HalvesBytes + (PackedBlocks.QuantBytes / 2);

    public static int QuantsInPlace => -1;

    public static void Pack(byte* source, byte* packed, int column)
    {
        ((ushort*)packed)[column] = *(ushort*)source;
        uint* quants = (uint*)(packed + PackedBlocks.HalvesBytes) + column;
        for (int step = 0; step < 4; step++)
            quants[step * Int8Tile.Columns] = ((uint*)(source + 2))[step];
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        Prefetch.Stream(packed + ahead, PackedBlocks.HalvesBytes);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        PackedBlocks.SplitNibbles<TVector, TLanes>(
            packed + PackedBlocks.HalvesBytes, quants, quants + (PackedBlocks.QuantBytes / 2), PackedBlocks.QuantBytes / 2, ahead);
    }
}
