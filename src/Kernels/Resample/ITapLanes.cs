using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The vector operations of the two resize passes. A 32-bit lane holds two 16-bit numbers that are multiplied by two others
/// and added, so that a lane does two taps at once. A weight has 24 bits: its high part and its low
/// <see cref="BicubicWindow.LowBits"/> bits are summed apart and joined at the end; all sums are exact.
/// </summary>
internal unsafe interface ITapLanes<TVector>
    where TVector : struct
{
    /// <summary>Lanes in a vector: bytes of a row that the vertical pass does at once.</summary>
    static abstract int Width { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TVector Zero { get; }

    /// <summary>
    /// <see cref="Width"/> / 2 RGB pixels as groups of four lanes, each group (R0,R1), (G0,G1), (B0,B1), 0 of two pixels.
    /// Reads at most 10 bytes beyond them.
    /// </summary>
    static abstract TVector LoadPixelPairs(byte* rgb);

    /// <summary><see cref="Width"/> / 2 weights: each group of four lanes holds the same pair.</summary>
    static abstract TVector LoadWeightPairs(short* weights);

    /// <summary>Lane i is (upper[i], lower[i]).</summary>
    static abstract TVector LoadColumnPairs(byte* upper, byte* lower);

    /// <summary>The pair in all lanes.</summary>
    static abstract TVector Broadcast(uint pair);

    /// <summary>sum + a0 b0 + a1 b1 in each lane.</summary>
    static abstract TVector MultiplyAddPairs(TVector sum, TVector a, TVector b);

    /// <summary>The joined sums, groups of four lanes added up: R, G, B, 0.</summary>
    static abstract Vector128<int> FoldGroups(TVector high, TVector low);

    /// <summary>Writes the joined sums as <see cref="Width"/> bytes: rounded, shifted down, clipped.</summary>
    static abstract void StoreClip8(TVector high, TVector low, byte* destination);
}

/// <summary>16 lanes; needs AVX-512BW.</summary>
internal readonly unsafe struct TapLanes512 : ITapLanes<Vector512<int>>
{
    public static int Width => 16;

    public static Vector512<int> Zero => Vector512<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadPixelPairs(byte* rgb)
    {
        // 24 bytes are wanted; the upper half of the register is zero and is where the zero bytes come from.
        Vector512<byte> pixels = Vector256.Load(rgb).ToVector512();
        if (Avx512Vbmi.IsSupported)
        {
            return Avx512Vbmi.PermuteVar64x8(pixels, Vector512.Create(
                0, 32, 3, 32, 1, 32, 4, 32, 2, 32, 5, 32, 32, 32, 32, 32,
                6, 32, 9, 32, 7, 32, 10, 32, 8, 32, 11, 32, 32, 32, 32, 32,
                12, 32, 15, 32, 13, 32, 16, 32, 14, 32, 17, 32, 32, 32, 32, 32,
                18, 32, 21, 32, 19, 32, 22, 32, 20, 32, 23, 32, 32, 32, 32, (byte)32)).AsInt32();
        }
        Vector512<short> groups = Avx512BW.PermuteVar32x16(pixels.AsInt16(), Vector512.Create(
            0, 1, 2, 0, 0, 0, 0, 0, 3, 4, 5, 0, 0, 0, 0, 0, 6, 7, 8, 0, 0, 0, 0, 0, 9, 10, 11, 0, 0, 0, 0, (short)0));
        return Avx512BW.Shuffle(groups.AsByte(), Vector512.Create(TapLanes128.PairOrder)).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadWeightPairs(short* weights) => Avx512F.PermuteVar16x32(
        Vector128.Load((int*)weights).ToVector256Unsafe().ToVector512Unsafe(),
        Vector512.Create(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadColumnPairs(byte* upper, byte* lower) =>
        Avx512F.ConvertToVector512Int32(Vector128.Load(upper)) | (Avx512F.ConvertToVector512Int32(Vector128.Load(lower)) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Broadcast(uint pair) => Vector512.Create((int)pair);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> MultiplyAddPairs(Vector512<int> sum, Vector512<int> a, Vector512<int> b) =>
        sum + Avx512BW.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> FoldGroups(Vector512<int> high, Vector512<int> low) => TapLanes256.FoldGroups(
        high.GetLower() + high.GetUpper(), low.GetLower() + low.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreClip8(Vector512<int> high, Vector512<int> low, byte* destination)
    {
        Vector512<int> joined = (high << BicubicWindow.LowBits) + low + Vector512.Create(1 << (BicubicWindow.FractionBits - 1));
        Vector512<int> positive = Vector512.Max(joined >> BicubicWindow.FractionBits, Vector512<int>.Zero);
        Avx512F.ConvertToVector128ByteWithSaturation(positive.AsUInt32()).Store(destination);
    }
}

/// <summary>8 lanes; needs AVX2.</summary>
internal readonly unsafe struct TapLanes256 : ITapLanes<Vector256<int>>
{
    public static int Width => 8;

    public static Vector256<int> Zero => Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadPixelPairs(byte* rgb) => Avx2.Shuffle(
        Vector256.Create(Vector128.Load(rgb), Vector128.Load(rgb + 6)),
        Vector256.Create(TapLanes128.PairOrder)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadWeightPairs(short* weights) => Avx2.PermuteVar8x32(
        Vector128.CreateScalarUnsafe(*(long*)weights).AsInt32().ToVector256Unsafe(),
        Vector256.Create(0, 0, 0, 0, 1, 1, 1, 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadColumnPairs(byte* upper, byte* lower) =>
        Avx2.ConvertToVector256Int32(upper) | (Avx2.ConvertToVector256Int32(lower) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Broadcast(uint pair) => Vector256.Create((int)pair);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAddPairs(Vector256<int> sum, Vector256<int> a, Vector256<int> b) => AvxVnni.IsSupported
        ? AvxVnni.MultiplyWideningAndAdd(sum, a.AsInt16(), b.AsInt16())
        : sum + Avx2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> FoldGroups(Vector256<int> high, Vector256<int> low) => TapLanes128.FoldGroups(
        high.GetLower() + high.GetUpper(), low.GetLower() + low.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreClip8(Vector256<int> high, Vector256<int> low, byte* destination)
    {
        Vector256<int> joined = (high << BicubicWindow.LowBits) + low + Vector256.Create(1 << (BicubicWindow.FractionBits - 1));
        Vector256<int> pixels = joined >> BicubicWindow.FractionBits;
        Vector128<byte> bytes = TapLanes128.Clip8(pixels.GetLower(), pixels.GetUpper(), Vector128<int>.Zero, Vector128<int>.Zero);
        *(ulong*)destination = bytes.AsUInt64().ToScalar();
    }
}

/// <summary>4 lanes, on any machine.</summary>
internal readonly unsafe struct TapLanes128 : ITapLanes<Vector128<int>>
{
    /// <summary>Two RGB pixels to 16-bit pairs of the same channel; 255 gives a zero byte.</summary>
    internal static Vector128<byte> PairOrder
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, (byte)255);
    }

    public static int Width => 4;

    public static Vector128<int> Zero => Vector128<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadPixelPairs(byte* rgb) => Vector128.Shuffle(Vector128.Load(rgb), PairOrder).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadWeightPairs(short* weights) => Vector128.Create(*(int*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadColumnPairs(byte* upper, byte* lower) => Widen(upper) | (Widen(lower) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Broadcast(uint pair) => Vector128.Create((int)pair);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyAddPairs(Vector128<int> sum, Vector128<int> a, Vector128<int> b) => Sse2.IsSupported
        ? sum + Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16())
        : sum + (((a << 16) >> 16) * ((b << 16) >> 16)) + ((a >> 16) * (b >> 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> FoldGroups(Vector128<int> high, Vector128<int> low) => (high << BicubicWindow.LowBits) + low;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreClip8(Vector128<int> high, Vector128<int> low, byte* destination)
    {
        Vector128<int> rounded = FoldGroups(high, low) + Vector128.Create(1 << (BicubicWindow.FractionBits - 1));
        Vector128<int> pixels = rounded >> BicubicWindow.FractionBits;
        *(uint*)destination = Clip8(pixels, Vector128<int>.Zero, Vector128<int>.Zero, Vector128<int>.Zero).AsUInt32().ToScalar();
    }

    /// <summary>Four vectors of 32-bit numbers, clipped to bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Clip8(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d)
    {
        if (Sse2.IsSupported)
            return Sse2.PackUnsignedSaturate(Sse2.PackSignedSaturate(a, b), Sse2.PackSignedSaturate(c, d));
        return Vector128.Narrow(Vector128.Narrow(Clamp(a), Clamp(b)).AsUInt16(), Vector128.Narrow(Clamp(c), Clamp(d)).AsUInt16());

        static Vector128<int> Clamp(Vector128<int> value) => Vector128.Clamp(value, Vector128<int>.Zero, Vector128.Create(255));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Widen(byte* source) =>
        Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)source).AsByte())).AsInt32();
}
