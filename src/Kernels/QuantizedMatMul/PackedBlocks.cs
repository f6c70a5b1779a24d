using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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

    /// <summary>Widens a binary16 for each column and changes its sign: block formats add what the tile subtracts.</summary>
    public static void WidenMinima<TVector, TLanes>(byte* halves, float* minima)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int column = 0; column < Int8Tile.Columns; column += TLanes.Width)
            TLanes.Store(TLanes.Subtract(TLanes.Zero, TLanes.LoadF16((ushort*)halves + column)), minima + column);
    }

    /// <summary>Puts every four bytes of one row into its column of successive steps.</summary>
    public static void PackSteps(byte* source, byte* packed, int column, int steps, uint flipped = 0)
    {
        for (int step = 0; step < steps; step++)
            ((uint*)(packed + (step * StepBytes)))[column] = ((uint*)source)[step] ^ flipped;
    }

    /// <summary>low[i] = the low nibble of source[i], high[i] its high one, for <paramref name="bytes"/> bytes, a multiple of 64.</summary>
    public static void SplitNibbles<TVector, TLanes>(byte* source, byte* low, byte* high, int bytes, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int i = 0; i < bytes; i += 64)
        {
            Prefetch.Ahead(source + i + ahead, 64);
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

    /// <summary>quants[i] = (source[i] shifted right) &amp; mask, for <paramref name="bytes"/> bytes, a multiple of 64.</summary>
    public static void TakeBits<TVector, TLanes>(byte* source, int shift, byte mask, byte* quants, int bytes)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int i = 0; i < bytes; i += TLanes.Width * sizeof(float))
        {
            if (TLanes.Width == Lanes512.Width)
                ((Vector512.Load(source + i).AsUInt16() >>> shift).AsByte() & Vector512.Create(mask)).Store(quants + i);
            else if (TLanes.Width == Lanes256.Width)
                ((Vector256.Load(source + i).AsUInt16() >>> shift).AsByte() & Vector256.Create(mask)).Store(quants + i);
            else
                ((Vector128.Load(source + i).AsUInt16() >>> shift).AsByte() & Vector128.Create(mask)).Store(quants + i);
        }
    }

    /// <summary>quants[i] = table[quants[i]] of quants below 16, for <paramref name="bytes"/> bytes, a multiple of 64.</summary>
    public static void LookUp<TVector, TLanes>(Vector128<byte> table, byte* quants, int bytes)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int step = TLanes.Width == Lanes512.Width && Avx512BW.IsSupported ? 64
            : TLanes.Width >= Lanes256.Width && Avx2.IsSupported ? 32
            : 16;
        for (int i = 0; i < bytes; i += step)
        {
            if (step == 64)
                Avx512BW.Shuffle(Vector512.Create(table), Vector512.Load(quants + i)).Store(quants + i);
            else if (step == 32)
                Avx2.Shuffle(Vector256.Create(table), Vector256.Load(quants + i)).Store(quants + i);
            else
                Vector128.Shuffle(table, Vector128.Load(quants + i)).Store(quants + i);
        }
    }

    /// <summary>quants[i] |= ((high[i] shifted right) &amp; mask) shifted left, for a multiple of 64 <paramref name="bytes"/>.</summary>
    public static void AddHighBits<TVector, TLanes>(byte* high, int shift, byte mask, int left, byte* quants, int bytes)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int i = 0; i < bytes; i += TLanes.Width * sizeof(float))
        {
            if (TLanes.Width == Lanes512.Width)
            {
                Vector512<byte> bits = (Vector512.Load(high + i).AsUInt16() >>> shift).AsByte() & Vector512.Create(mask);
                (Vector512.Load(quants + i) | (bits.AsUInt16() << left).AsByte()).Store(quants + i);
            }
            else if (TLanes.Width == Lanes256.Width)
            {
                Vector256<byte> bits = (Vector256.Load(high + i).AsUInt16() >>> shift).AsByte() & Vector256.Create(mask);
                (Vector256.Load(quants + i) | (bits.AsUInt16() << left).AsByte()).Store(quants + i);
            }
            else
            {
                Vector128<byte> bits = (Vector128.Load(high + i).AsUInt16() >>> shift).AsByte() & Vector128.Create(mask);
                (Vector128.Load(quants + i) | (bits.AsUInt16() << left).AsByte()).Store(quants + i);
            }
        }
    }

    /// <summary>scaled[column] = scale[column] · factors[column], as the K-quants scale their groups.</summary>
    public static void ScaleGroup<TVector, TLanes>(float* scales, sbyte* factors, float* scaled)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int column = 0; column < Int8Tile.Columns; column += TLanes.Width)
            TLanes.Store(TLanes.Multiply(TLanes.Load(scales + column), TLanes.LoadInt8(factors + column)), scaled + column);
    }

    /// <summary>Asks for memory that is read soon, in order.</summary>
    public static void PrefetchRun(byte* source, int bytes)
    {
        for (int i = 0; i < bytes; i += 64)
            Prefetch.Ahead(source + i, 64);
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
