using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary><see cref="BlockQ8_0"/>: scales, then q + 128 as the tile reads them.</summary>
internal readonly unsafe struct PackedQ8_0 : IPackedFormat
{
    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 7;

    public static int LargestQuant => 255;

    public static int Length => 32;

    public static int Bytes => PackedBlocks.HalvesBytes + PackedBlocks.QuantBytes;

    public static int QuantsInPlace => PackedBlocks.HalvesBytes;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => new(PackedBlocks.HalvesBytes + (step * PackedBlocks.StepBytes)),
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ8_0*)source;
        ((Half*)packed)[column] = block->Scale;
        PackedBlocks.PackSteps((byte*)block->Quants, packed + PackedBlocks.HalvesBytes, column, 8, 0x80808080);
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
            Prefetch.Ahead(packed + i + ahead, 64);
            TLanes.Store(TLanes.Load((float*)(packed + PackedBlocks.HalvesBytes + i)), (float*)(quants + i));
        }
    }
}

/// <summary><see cref="BlockQ4_0"/>: scales, then the pairs of nibbles, weights 0-15 low and 16-31 high as in the file.</summary>
internal readonly unsafe struct PackedQ4_0 : IPackedFormat
{
    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 3;

    public static int LargestQuant => 15;

    public static int Length => 32;

    public static int Bytes => PackedBlocks.HalvesBytes + (PackedBlocks.QuantBytes / 2);

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => PackedLayout.HalfBlockPairs(PackedBlocks.HalvesBytes, step),
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ4_0*)source;
        ((Half*)packed)[column] = block->Scale;
        PackedBlocks.PackSteps(block->Quants, packed + PackedBlocks.HalvesBytes, column, 4);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, PackedBlocks.HalvesBytes);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        PackedBlocks.SplitNibbles<TVector, TLanes>(
            packed + PackedBlocks.HalvesBytes, quants, quants + (PackedBlocks.QuantBytes / 2), PackedBlocks.QuantBytes / 2, ahead);
    }
}

/// <summary><see cref="BlockQ4_1"/>: scales, minima, then the pairs of nibbles as in <see cref="PackedQ4_0"/>.</summary>
internal readonly unsafe struct PackedQ4_1 : IPackedFormat
{
    private const int Halves = 2 * PackedBlocks.HalvesBytes;
    private const int PairBytes = PackedBlocks.QuantBytes / 2;

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 0;

    public static int LargestQuant => 15;

    public static int Length => 32;

    public static int Bytes => Halves + PairBytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => PackedLayout.HalfBlockPairs(Halves, step),
        AddsMinima = true,
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ4_1*)source;
        ((Half*)packed)[column] = block->Scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = block->Minimum;
        PackedBlocks.PackSteps(block->Quants, packed + Halves, column, 4);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, Halves);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        PackedBlocks.WidenMinima<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, scales + Int8Tile.Columns);
        PackedBlocks.SplitNibbles<TVector, TLanes>(packed + Halves, quants, quants + PairBytes, PairBytes, ahead);
    }
}

/// <summary><see cref="BlockQ5_0"/>: scales, then the pairs of nibbles, then bit t of byte j of a column's four is bit 4 of weight 4t + j.</summary>
internal readonly unsafe struct PackedQ5_0 : IPackedFormat
{
    private const int Halves = PackedBlocks.HalvesBytes;
    private const int PairBytes = PackedBlocks.QuantBytes / 2;

    public static Int8Scaling Scaling => Int8Scaling.Block;

    public static int OffsetShift => 4;

    public static int LargestQuant => 31;

    public static int Length => 32;

    public static int Bytes => Halves + PairBytes + PackedBlocks.StepBytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => PackedLayout.HalfBlockPairs(Halves, step),
        High = (_, step) => new(Halves + PairBytes, step, 1),
        HighBit = 4,
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ5_0*)source;
        ((Half*)packed)[column] = block->Scale;
        PackedBlocks.PackSteps(block->Quants, packed + Halves, column, 4);
        byte* high = packed + Halves + PairBytes + (column * 4);
        *(uint*)high = 0;
        for (int i = 0; i < Length; i++)
            high[i % 4] |= (byte)(((block->HighBits >> i) & 1) << (i / 4));
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, Halves);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        PackedBlocks.SplitNibbles<TVector, TLanes>(packed + Halves, quants, quants + PairBytes, PairBytes, ahead);
        byte* high = packed + Halves + PairBytes;
        PackedBlocks.PrefetchRun(high + ahead, PackedBlocks.StepBytes);
        for (int step = 0; step < 8; step++)
            PackedBlocks.AddHighBits<TVector, TLanes>(high, step, 1, 4, quants + (step * PackedBlocks.StepBytes), PackedBlocks.StepBytes);
    }
}

/// <summary><see cref="BlockQ5_1"/>: scales and minima, then the pairs of nibbles, then bit t of byte j of a column's four is bit 4 of weight 4t + j.</summary>
internal readonly unsafe struct PackedQ5_1 : IPackedFormat
{
    private const int Halves = 2 * PackedBlocks.HalvesBytes;
    private const int PairBytes = PackedBlocks.QuantBytes / 2;

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 4;

    public static int LargestQuant => 31;

    public static int Length => 32;

    public static int Bytes => Halves + PairBytes + PackedBlocks.StepBytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        Low = (_, step) => PackedLayout.HalfBlockPairs(Halves, step),
        High = (_, step) => new(Halves + PairBytes, step, 1),
        HighBit = 4,
        AddsMinima = true,
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ5_1*)source;
        ((Half*)packed)[column] = block->Scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = block->Minimum;
        PackedBlocks.PackSteps(block->Quants, packed + Halves, column, 4);
        byte* high = packed + Halves + PairBytes + (column * 4);
        *(uint*)high = 0;
        for (int i = 0; i < Length; i++)
            high[i % 4] |= (byte)(((block->HighBits >> i) & 1) << (i / 4));
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PackedBlocks.PrefetchRun(packed + ahead, Halves);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scales);
        PackedBlocks.WidenMinima<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, scales + Int8Tile.Columns);
        PackedBlocks.SplitNibbles<TVector, TLanes>(packed + Halves, quants, quants + PairBytes, PairBytes, ahead);
        byte* high = packed + Halves + PairBytes;
        PackedBlocks.PrefetchRun(high + ahead, PackedBlocks.StepBytes);
        for (int step = 0; step < 8; step++)
            PackedBlocks.AddHighBits<TVector, TLanes>(high, step, 1, 4, quants + (step * PackedBlocks.StepBytes), PackedBlocks.StepBytes);
    }
}
