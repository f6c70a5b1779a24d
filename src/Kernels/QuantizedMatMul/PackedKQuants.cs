using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// <see cref="BlockQ4_K"/>: scales d, scales m, then for each two groups of 32 weights s and t [group][column] and the pairs of nibbles.
/// </summary>
internal readonly unsafe struct PackedQ4_K : IPackedFormat
{
    private const int PairsStart = 2 * PackedBlocks.HalvesBytes;

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 0;

    public static int LargestQuant => 15;

    public static int Length => 256;

    public static int Bytes => PairsStart + PairedGroups.Bytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        BlocksTogether = 2,
        Low = (block, step) => PairedGroups.Nibbles(PairsStart, block, step),
        Factor = group => PairedGroups.Factors(PairsStart, group),
        MinimumFactor = group => PairedGroups.MinimumFactors(PairsStart, group),
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ4_K*)source;
        ((Half*)packed)[column] = block->Scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = block->MinimumScale;
        PairedGroups.Pack(block->GroupScales, block->Quants, packed, PairsStart, column);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector> => PairedGroups.Unpack<TVector, TLanes>(packed, PairsStart, quants, scales, ahead);
}

/// <summary>What Q4_K and Q5_K have in common: for each two of the eight groups s and t [group][column] and the pairs of nibbles.</summary>
internal static unsafe class PairedGroups
{
    public const int Groups = 8;

    private const int FactorBytes = 4 * Int8Tile.Columns;
    private const int PairBytes = FactorBytes + PackedBlocks.QuantBytes;

    public const int Bytes = Groups / 2 * PairBytes;

    /// <summary>The nibbles of a block of 32 weights, which is a group.</summary>
    public static BitPlace Nibbles(int start, int group, int step) =>
        new(start + (group / 2 * PairBytes) + FactorBytes + (step * PackedBlocks.StepBytes), group % 2 * 4, 15);

    /// <summary>Where the factors s of a group lie.</summary>
    public static int Factors(int start, int group) => start + (group / 2 * PairBytes) + (group % 2 * Int8Tile.Columns);

    /// <summary>Where the factors t of a group lie.</summary>
    public static int MinimumFactors(int start, int group) => Factors(start, group) + (2 * Int8Tile.Columns);

    public static void Pack(byte* groupScales, byte* quants, byte* packed, int start, int column)
    {
        for (int group = 0; group < Groups; group += 2)
        {
            byte* factors = packed + Factors(start, group) + column;
            (int first, int firstMinimum) = SixBitScales.Read(groupScales, group);
            (int second, int secondMinimum) = SixBitScales.Read(groupScales, group + 1);
            factors[0] = (byte)first;
            factors[Int8Tile.Columns] = (byte)second;
            factors[2 * Int8Tile.Columns] = (byte)firstMinimum;
            factors[3 * Int8Tile.Columns] = (byte)secondMinimum;
            PackedBlocks.PackSteps(quants + (group / 2 * 32), packed + Factors(start, group) + FactorBytes, column, 8);
        }
    }

    /// <summary>Reads a packed block that begins with the scales d and m.</summary>
    public static void Unpack<TVector, TLanes>(byte* packed, int start, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[2 * Int8Tile.Columns];
        float* minimum = scale + Int8Tile.Columns;
        PackedBlocks.PrefetchRun(packed + ahead, 2 * PackedBlocks.HalvesBytes);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        PackedBlocks.WidenScales<TVector, TLanes>(packed + PackedBlocks.HalvesBytes, minimum);
        for (int pair = 0; pair < Groups; pair += 2)
        {
            PackedBlocks.PrefetchRun(packed + Factors(start, pair) + ahead, FactorBytes);
            for (int group = pair; group < pair + 2; group++)
            {
                float* scaled = scales + (2 * group * Int8Tile.Columns);
                PackedBlocks.ScaleGroup<TVector, TLanes>(scale, (sbyte*)(packed + Factors(start, group)), scaled);
                PackedBlocks.ScaleGroup<TVector, TLanes>(minimum, (sbyte*)(packed + MinimumFactors(start, group)), scaled + Int8Tile.Columns);
            }
            byte* low = quants + (pair * PackedBlocks.QuantBytes);
            PackedBlocks.SplitNibbles<TVector, TLanes>(
                packed + Nibbles(start, pair, 0).Offset, low, low + PackedBlocks.QuantBytes, PackedBlocks.QuantBytes, ahead);
        }
    }
}

/// <summary>
/// <see cref="BlockQ5_K"/>: scales d, scales m, then bit g of byte j of a column's four, step by step, is bit 4 of a weight of group g, then
/// the rest as in <see cref="PackedQ4_K"/>.
/// </summary>
internal readonly unsafe struct PackedQ5_K : IPackedFormat
{
    private const int HighStart = 2 * PackedBlocks.HalvesBytes;
    private const int PairsStart = HighStart + PackedBlocks.QuantBytes;

    public static Int8Scaling Scaling => Int8Scaling.Affine;

    public static int OffsetShift => 0;

    public static int LargestQuant => 31;

    public static int Length => 256;

    public static int Bytes => PairsStart + PairedGroups.Bytes;

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        BlocksTogether = 2,
        Low = (block, step) => PairedGroups.Nibbles(PairsStart, block, step),
        High = (block, step) => new(HighStart + (step * PackedBlocks.StepBytes), block, 1),
        HighBit = 4,
        Factor = group => PairedGroups.Factors(PairsStart, group),
        MinimumFactor = group => PairedGroups.MinimumFactors(PairsStart, group),
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ5_K*)source;
        ((Half*)packed)[column] = block->Scale;
        ((Half*)(packed + PackedBlocks.HalvesBytes))[column] = block->MinimumScale;
        PackedBlocks.PackSteps(block->QuantsHigh, packed + HighStart, column, 8);
        PairedGroups.Pack(block->GroupScales, block->QuantsLow, packed, PairsStart, column);
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        PairedGroups.Unpack<TVector, TLanes>(packed, PairsStart, quants, scales, ahead);
        PackedBlocks.PrefetchRun(packed + HighStart + ahead, PackedBlocks.QuantBytes);
        for (int group = 0; group < PairedGroups.Groups; group++)
            PackedBlocks.AddHighBits<TVector, TLanes>(packed + HighStart, group, 1, 4, quants + (group * PackedBlocks.QuantBytes), PackedBlocks.QuantBytes);
    }
}

/// <summary>
/// <see cref="BlockQ6_K"/>: scales d, then for each 128 weights s [group of 16][column], and for each step of four weights the pairs of
/// nibbles of weights 0-31 (low) and 64-95 (high), those of weights 32-63 and 96-127, and the two upper bits of all of them.
/// </summary>
internal readonly unsafe struct PackedQ6_K : IPackedFormat
{
    private const int HalfGroups = 8;
    private const int HalfBlocks = 4;
    private const int Steps = 8;
    private const int FactorBytes = HalfGroups * Int8Tile.Columns;
    private const int StepBytes = 3 * PackedBlocks.StepBytes;
    private const int HighStart = 2 * PackedBlocks.StepBytes;
    private const int HalfBytes = FactorBytes + (Steps * StepBytes);

    public static Int8Scaling Scaling => Int8Scaling.HalfBlock;

    public static int OffsetShift => 5;

    public static int LargestQuant => 63;

    public static int Length => 256;

    public static int Bytes => PackedBlocks.HalvesBytes + (2 * HalfBytes);

    public static int QuantsInPlace => -1;

    public static PackedLayout? Layout => new()
    {
        BlocksTogether = HalfBlocks,
        Low = (block, step) => new(
            Step(block / HalfBlocks, step) + (block % 2 * PackedBlocks.StepBytes), block % HalfBlocks / 2 * 4, 15),
        High = (block, step) => new(Step(block / HalfBlocks, step) + HighStart, block % HalfBlocks * 2, 3),
        HighBit = 4,
        Factor = Factors,
    };

    public static void Pack(byte* source, byte* packed, int column)
    {
        var block = (BlockQ6_K*)source;
        ((Half*)packed)[column] = block->Scale;
        for (int half = 0; half < 2; half++)
        {
            byte* factors = packed + Factors(half * HalfGroups) + column;
            for (int group = 0; group < HalfGroups; group++)
                factors[group * Int8Tile.Columns] = (byte)block->GroupScales[(half * HalfGroups) + group];
            var low = (uint*)(block->QuantsLow + (half * 64));
            var high = (uint*)(block->QuantsHigh + (half * 32));
            byte* destination = packed + Step(half, 0) + (column * 4);
            for (int step = 0; step < Steps; step++, destination += StepBytes)
            {
                *(uint*)destination = low[step];
                *(uint*)(destination + PackedBlocks.StepBytes) = low[step + Steps];
                *(uint*)(destination + HighStart) = high[step];
            }
        }
    }

    public static void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scale = stackalloc float[Int8Tile.Columns];
        PackedBlocks.PrefetchRun(packed + ahead, PackedBlocks.HalvesBytes);
        PackedBlocks.WidenScales<TVector, TLanes>(packed, scale);
        for (int half = 0; half < 2; half++)
        {
            int firstGroup = half * HalfGroups;
            PackedBlocks.PrefetchRun(packed + Factors(firstGroup) + ahead, FactorBytes);
            for (int group = firstGroup; group < firstGroup + HalfGroups; group++)
                PackedBlocks.ScaleGroup<TVector, TLanes>(scale, (sbyte*)(packed + Factors(group)), scales + (group * Int8Tile.Columns));
            for (int step = 0; step < Steps; step++)
            {
                byte* start = packed + Step(half, step);
                byte* first = quants + (half * HalfBlocks * PackedBlocks.QuantBytes) + (step * PackedBlocks.StepBytes);
                for (int pair = 0; pair < 2; pair++)
                {
                    byte* low = first + (pair * PackedBlocks.QuantBytes);
                    PackedBlocks.SplitNibbles<TVector, TLanes>(
                        start + (pair * PackedBlocks.StepBytes), low, low + (2 * PackedBlocks.QuantBytes), PackedBlocks.StepBytes, ahead);
                }
                PackedBlocks.PrefetchRun(start + HighStart + ahead, PackedBlocks.StepBytes);
                for (int block = 0; block < HalfBlocks; block++)
                {
                    PackedBlocks.AddHighBits<TVector, TLanes>(
                        start + HighStart, 2 * block, 3, 4, first + (block * PackedBlocks.QuantBytes), PackedBlocks.StepBytes);
                }
            }
        }
    }

    private static int Factors(int group) => PackedBlocks.HalvesBytes + (group / HalfGroups * HalfBytes) + (group % HalfGroups * Int8Tile.Columns);

    private static int Step(int half, int step) => PackedBlocks.HalvesBytes + (half * HalfBytes) + FactorBytes + (step * StepBytes);
}
