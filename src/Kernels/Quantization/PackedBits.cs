using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>Small integers out of the packed bits of a block, 16 at a time.</summary>
internal static unsafe class PackedBits
{
    /// <summary>The low nibble of each byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LowNibbles(byte* packed) => Vector128.Load(packed) & Vector128.Create((byte)15);

    /// <summary>The high nibble of each byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> HighNibbles(byte* packed) => Vector128.Load(packed) >>> 4;

    /// <summary>The nibbles of each byte that begin at bit 0 or 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Nibbles(byte* packed, int bit) => (Vector128.Load(packed) >>> bit) & Vector128.Create((byte)15);

    /// <summary>Two bits of each byte, from <paramref name="bit"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Pairs(byte* packed, int bit) => (Vector128.Load(packed) >>> bit) & Vector128.Create((byte)3);

    /// <summary>One bit of each byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Bits(byte* packed, int bit) => (Vector128.Load(packed) >>> bit) & Vector128.Create((byte)1);

    /// <summary>16 in lane i where bit i is set, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SixteenWhereSet(ushort bits)
    {
        Vector128<byte> mask = Vector128.Create(0x8040201008040201ul).AsByte();
        Vector128<byte> bytes = Vector128.Shuffle(
            Vector128.CreateScalarUnsafe((int)bits).AsByte(), Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        return Vector128.Equals(bytes & mask, mask) & Vector128.Create((byte)16);
    }

    /// <summary>Stores bytes less an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> quants, sbyte offset, sbyte* destination) =>
        (quants.AsSByte() - Vector128.Create(offset)).Store(destination);
}
