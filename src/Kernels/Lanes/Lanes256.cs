using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels.Lanes;

/// <summary>8 floats in a 256-bit register.</summary>
public readonly unsafe struct Lanes256 : ILanes<Vector256<float>>
{
    /// <inheritdoc/>
    public static int Width => 8;

    /// <inheritdoc/>
    public static Vector256<float> Zero => Vector256<float>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    /// <inheritdoc/>
    public static Vector256<float> LoadPartial(float* source, int count)
    {
        if (Avx.IsSupported)
            return Avx.MaskLoad(source, FirstLanes(count));
        float* lanes = stackalloc float[8];
        new Span<float>(lanes, 8).Clear();
        new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(lanes, 8));
        return Vector256.Load(lanes);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadF16(ushort* source)
    {
        Vector256<uint> bits = Widen(source);
        Vector256<uint> magnitude = (bits << 13) & Vector256.Create(0x0fffe000u);
        // 2^112 moves the binary16 exponent bias to the binary32 one and normalises subnormals.
        Vector256<uint> scaled = (magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsUInt32();
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude.AsInt32(), Vector256.Create(0x0f800000)).AsUInt32();
        return (scaled | (special & Vector256.Create(0x7f800000u)) | ((bits << 16) & Vector256.Create(0x80000000u))).AsSingle();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFiniteF16(ushort* source)
    {
        // Widened with its sign, a half shifted by 13 has its sign at bit 31 and its exponent and fraction in place.
        Vector256<int> bits = (WidenSigned(source) << 13) & Vector256.Create(unchecked((int)0x8fffe000));
        return bits.AsSingle() * Vector256.Create(5.192296858534828e33f);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBF16(ushort* source) => (Widen(source) << 16).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadInt8(sbyte* source)
    {
        Vector128<short> words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)source).AsSByte());
        return Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* destination) => value.Store(destination);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF16(Vector256<float> value, ushort* destination)
    {
        Vector256<float> magnitude = Vector256.MinNative(Vector256.Abs(value), Vector256.Create(BinarySixteen.Largest));
        // Adding a number of 2^13 times the magnitude's power of two rounds off what a half has no bits for.
        Vector256<int> power = Vector256.Max(magnitude.AsInt32() & Vector256.Create(BinarySixteen.ExponentBits), Vector256.Create(BinarySixteen.SmallestNormal));
        Vector256<int> shift = power + Vector256.Create(BinarySixteen.RoundingShift);
        Vector256<int> fraction = (magnitude + shift.AsSingle()).AsInt32() - shift;
        Vector256<int> bits = fraction + ((power - Vector256.Create(BinarySixteen.SmallestNormal)) >> BinarySixteen.DroppedBits);
        Vector256<uint> halves = bits.AsUInt32() | ((value.AsUInt32() >> 16) & Vector256.Create(0x8000u));
        Vector256.Narrow(halves, halves).GetLower().Store(destination);
    }

    /// <inheritdoc/>
    public static void StorePartial(Vector256<float> value, float* destination, int count)
    {
        if (Avx.IsSupported)
        {
            Avx.MaskStore(destination, FirstLanes(count), value);
            return;
        }
        float* lanes = stackalloc float[8];
        value.Store(lanes);
        new ReadOnlySpan<float>(lanes, count).CopyTo(new Span<float>(destination, count));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.MinNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.MultiplyAddEstimate(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        Vector256<float> clamped = Vector256.Min(Vector256.Max(x, Vector256.Create(ExpPolynomial.Lowest)), Vector256.Create(ExpPolynomial.Highest));
        Vector256<float> n = Vector256.Round(clamped * Vector256.Create(ExpPolynomial.Log2E));
        Vector256<float> r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-ExpPolynomial.Ln2High), clamped);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-ExpPolynomial.Ln2Low), r);
        Vector256<float> p = Vector256.Create(ExpPolynomial.C7);
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(ExpPolynomial.C6));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(ExpPolynomial.C5));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(ExpPolynomial.C4));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(ExpPolynomial.C3));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(0.5f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<float>.One);
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<float>.One);
        Vector256<float> power = ((Vector256.ConvertToInt32Native(n) + Vector256.Create(127)) << 23).AsSingle();
        Vector256<float> result = p * power;
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(ExpPolynomial.Lowest)), Vector256<float>.Zero, result);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> value) => Lanes128.Sum(value.GetLower() + value.GetUpper());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFour(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        if (!Avx.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        // Halves of 128 bits: [a0 b0] + [a1 b1], then lanes in pairs: [a a c c | b b d d].
        Vector256<float> ab = Avx.Permute2x128(a, b, 0x20) + Avx.Permute2x128(a, b, 0x31);
        Vector256<float> cd = Avx.Permute2x128(c, d, 0x20) + Avx.Permute2x128(c, d, 0x31);
        Vector256<float> pairs = Avx.Shuffle(ab, cd, 0x44) + Avx.Shuffle(ab, cd, 0xEE);
        Vector256<float> sums = Avx.Shuffle(pairs, pairs, 0x88) + Avx.Shuffle(pairs, pairs, 0xDD);
        return Sse.UnpackLow(sums.GetLower(), sums.GetUpper());
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Abs(Vector256<float> value) => Vector256.Abs(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> value) => Vector256.Round(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt8(Vector256<float> value, sbyte* destination)
    {
        ToInt8(value, value).GetLower().Store(destination);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Vector256<float> value) => Lanes128.MaxLane(Vector128.MaxNative(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<sbyte> ToInt8(Vector256<float> lower, Vector256<float> upper)
    {
        Vector256<int> low = Vector256.ConvertToInt32Native(lower);
        Vector256<int> high = Vector256.ConvertToInt32Native(upper);
        return Vector128.Narrow(Vector128.Narrow(low.GetLower(), low.GetUpper()), Vector128.Narrow(high.GetLower(), high.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FirstLanes(int count) =>
        Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Widen(ushort* source)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int32(Vector128.Load(source)).AsUInt32();
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load(source));
        return Vector256.Create(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> WidenSigned(ushort* source)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int32(Vector128.Load((short*)source));
        (Vector128<int> low, Vector128<int> high) = Vector128.Widen(Vector128.Load((short*)source));
        return Vector256.Create(low, high);
    }
}
