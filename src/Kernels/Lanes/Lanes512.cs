using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels.Lanes;

/// <summary>16 floats in a 512-bit register.</summary>
public readonly unsafe struct Lanes512 : ILanes<Vector512<float>>
{
    /// <inheritdoc/>
    public static int Width => 16;

    /// <inheritdoc/>
    public static Vector512<float> Zero => Vector512<float>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    /// <inheritdoc/>
    public static Vector512<float> LoadPartial(float* source, int count)
    {
        if (Avx512F.IsSupported)
            return Avx512F.MaskLoad(source, FirstLanes(count), Vector512<float>.Zero);
        float* lanes = stackalloc float[16];
        new Span<float>(lanes, 16).Clear();
        new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(lanes, 16));
        return Vector512.Load(lanes);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadF16(ushort* source)
    {
        Vector512<uint> bits = Widen(source);
        Vector512<uint> magnitude = (bits << 13) & Vector512.Create(0x0fffe000u);
        // 2^112 moves the binary16 exponent bias to the binary32 one and normalises subnormals.
        Vector512<uint> scaled = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
        Vector512<uint> special = Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create(0x0f800000)).AsUInt32();
        return (scaled | (special & Vector512.Create(0x7f800000u)) | ((bits << 16) & Vector512.Create(0x80000000u))).AsSingle();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFiniteF16(ushort* source)
    {
        // Widened with its sign, a half shifted by 13 has its sign at bit 31 and its exponent and fraction in place.
        Vector512<int> bits = (WidenSigned(source) << 13) & Vector512.Create(unchecked((int)0x8fffe000));
        return bits.AsSingle() * Vector512.Create(5.192296858534828e33f);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBF16(ushort* source) => (Widen(source) << 16).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadInt8(sbyte* source)
    {
        Vector128<sbyte> bytes = Vector128.Load(source);
        if (Avx512F.IsSupported)
            return Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes));
        Vector256<short> words = Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
        return Vector512.ConvertToSingle(Vector512.Create(Vector256.WidenLower(words), Vector256.WidenUpper(words)));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* destination) => value.Store(destination);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF16(Vector512<float> value, ushort* destination)
    {
        Vector512<float> magnitude = Vector512.MinNative(Vector512.Abs(value), Vector512.Create(BinarySixteen.Largest));
        // Adding a number of 2^13 times the magnitude's power of two rounds off what a half has no bits for.
        Vector512<int> power = Vector512.Max(magnitude.AsInt32() & Vector512.Create(BinarySixteen.ExponentBits), Vector512.Create(BinarySixteen.SmallestNormal));
        Vector512<int> shift = power + Vector512.Create(BinarySixteen.RoundingShift);
        Vector512<int> fraction = (magnitude + shift.AsSingle()).AsInt32() - shift;
        Vector512<int> bits = fraction + ((power - Vector512.Create(BinarySixteen.SmallestNormal)) >> BinarySixteen.DroppedBits);
        Vector512<uint> halves = bits.AsUInt32() | ((value.AsUInt32() >> 16) & Vector512.Create(0x8000u));
        Vector512.Narrow(halves, halves).GetLower().Store(destination);
    }

    /// <inheritdoc/>
    public static void StorePartial(Vector512<float> value, float* destination, int count)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(destination, FirstLanes(count), value);
            return;
        }
        float* lanes = stackalloc float[16];
        value.Store(lanes);
        new ReadOnlySpan<float>(lanes, count).CopyTo(new Span<float>(destination, count));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.MultiplyAddEstimate(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> clamped = Vector512.Min(Vector512.Max(x, Vector512.Create(ExpPolynomial.Lowest)), Vector512.Create(ExpPolynomial.Highest));
        Vector512<float> n = Vector512.Round(clamped * Vector512.Create(ExpPolynomial.Log2E));
        Vector512<float> r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-ExpPolynomial.Ln2High), clamped);
        r = Vector512.MultiplyAddEstimate(n, Vector512.Create(-ExpPolynomial.Ln2Low), r);
        Vector512<float> p = Vector512.Create(ExpPolynomial.C7);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(ExpPolynomial.C6));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(ExpPolynomial.C5));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(ExpPolynomial.C4));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(ExpPolynomial.C3));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512.Create(0.5f));
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        p = Vector512.MultiplyAddEstimate(p, r, Vector512<float>.One);
        Vector512<float> power = ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();
        Vector512<float> result = p * power;
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(ExpPolynomial.Lowest)), Vector512<float>.Zero, result);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> value) => Lanes256.Sum(value.GetLower() + value.GetUpper());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFour(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        if (!Avx512F.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        // Quarters of 128 bits: [a0 a1 b0 b1] + [a2 a3 b2 b3], then [a b c d] with four partial sums each.
        Vector512<float> ab = Avx512F.Shuffle4x128(a, b, 0x44) + Avx512F.Shuffle4x128(a, b, 0xEE);
        Vector512<float> cd = Avx512F.Shuffle4x128(c, d, 0x44) + Avx512F.Shuffle4x128(c, d, 0xEE);
        Vector512<float> quarters = Avx512F.Shuffle4x128(ab, cd, 0x88) + Avx512F.Shuffle4x128(ab, cd, 0xDD);
        Vector512<float> pairs = quarters + Avx512F.Permute4x32(quarters, 0x4E);
        Vector512<float> sums = pairs + Avx512F.Permute4x32(pairs, 0xB1);
        return Avx512F.PermuteVar16x32(sums, Vector512.Create(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).GetLower().GetLower();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Abs(Vector512<float> value) => Vector512.Abs(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> value) => Vector512.Round(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt8(Vector512<float> value, sbyte* destination)
    {
        if (Avx512F.IsSupported)
            Avx512F.ConvertToVector128SByte(Vector512.ConvertToInt32Native(value)).Store(destination);
        else
            Lanes256.ToInt8(value.GetLower(), value.GetUpper()).Store(destination);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Vector512<float> value) => Lanes256.MaxLane(Vector256.MaxNative(value.GetLower(), value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FirstLanes(int count) =>
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Widen(ushort* source)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512UInt32(Vector256.Load(source));
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(source));
        return Vector512.Create(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> WidenSigned(ushort* source)
    {
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512Int32(Vector256.Load((short*)source));
        (Vector256<int> low, Vector256<int> high) = Vector256.Widen(Vector256.Load((short*)source));
        return Vector512.Create(low, high);
    }
}
