using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels.Lanes;

/// <summary>4 floats in a 128-bit register.</summary>
public readonly unsafe struct Lanes128 : ILanes<Vector128<float>>
{
    /// <inheritdoc/>
    public static int Width => 4;

    /// <inheritdoc/>
    public static Vector128<float> Zero => Vector128<float>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    /// <inheritdoc/>
    public static Vector128<float> LoadPartial(float* source, int count)
    {
        if (Avx.IsSupported)
            return Avx.MaskLoad(source, FirstLanes(count));
        float* lanes = stackalloc float[4];
        new Span<float>(lanes, 4).Clear();
        new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(lanes, 4));
        return Vector128.Load(lanes);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadF16(ushort* source)
    {
        Vector128<uint> bits = Widen(source);
        Vector128<uint> magnitude = (bits << 13) & Vector128.Create(0x0fffe000u);
        // 2^112 moves the binary16 exponent bias to the binary32 one and normalises subnormals.
        Vector128<uint> scaled = (magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f)).AsUInt32();
        Vector128<uint> special = Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create(0x0f800000)).AsUInt32();
        return (scaled | (special & Vector128.Create(0x7f800000u)) | ((bits << 16) & Vector128.Create(0x80000000u))).AsSingle();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadFiniteF16(ushort* source)
    {
        // Widened with its sign, a half shifted by 13 has its sign at bit 31 and its exponent and fraction in place.
        Vector128<int> bits = (WidenSigned(source) << 13) & Vector128.Create(unchecked((int)0x8fffe000));
        return bits.AsSingle() * Vector128.Create(5.192296858534828e33f);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBF16(ushort* source) => (Widen(source) << 16).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadInt8(sbyte* source) =>
        Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)source).AsSByte())));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* destination) => value.Store(destination);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreF16(Vector128<float> value, ushort* destination)
    {
        Vector128<float> magnitude = Vector128.MinNative(Vector128.Abs(value), Vector128.Create(BinarySixteen.Largest));
        // Adding a number of 2^13 times the magnitude's power of two rounds off what a half has no bits for.
        Vector128<int> power = Vector128.Max(magnitude.AsInt32() & Vector128.Create(BinarySixteen.ExponentBits), Vector128.Create(BinarySixteen.SmallestNormal));
        Vector128<int> shift = power + Vector128.Create(BinarySixteen.RoundingShift);
        Vector128<int> fraction = (magnitude + shift.AsSingle()).AsInt32() - shift;
        Vector128<int> bits = fraction + ((power - Vector128.Create(BinarySixteen.SmallestNormal)) >> BinarySixteen.DroppedBits);
        Vector128<uint> halves = bits.AsUInt32() | ((value.AsUInt32() >> 16) & Vector128.Create(0x8000u));
        Vector128.Narrow(halves, halves).GetLower().Store(destination);
    }

    /// <inheritdoc/>
    public static void StorePartial(Vector128<float> value, float* destination, int count)
    {
        if (Avx.IsSupported)
        {
            Avx.MaskStore(destination, FirstLanes(count), value);
            return;
        }
        float* lanes = stackalloc float[4];
        value.Store(lanes);
        new ReadOnlySpan<float>(lanes, count).CopyTo(new Span<float>(destination, count));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) => Vector128.MaxNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Min(Vector128<float> a, Vector128<float> b) => Vector128.MinNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Vector128.MultiplyAddEstimate(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Exp(Vector128<float> x)
    {
        Vector128<float> clamped = Vector128.Min(Vector128.Max(x, Vector128.Create(ExpPolynomial.Lowest)), Vector128.Create(ExpPolynomial.Highest));
        Vector128<float> n = Vector128.Round(clamped * Vector128.Create(ExpPolynomial.Log2E));
        Vector128<float> r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-ExpPolynomial.Ln2High), clamped);
        r = Vector128.MultiplyAddEstimate(n, Vector128.Create(-ExpPolynomial.Ln2Low), r);
        Vector128<float> p = Vector128.Create(ExpPolynomial.C7);
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(ExpPolynomial.C6));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(ExpPolynomial.C5));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(ExpPolynomial.C4));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(ExpPolynomial.C3));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128.Create(0.5f));
        p = Vector128.MultiplyAddEstimate(p, r, Vector128<float>.One);
        p = Vector128.MultiplyAddEstimate(p, r, Vector128<float>.One);
        Vector128<float> power = ((Vector128.ConvertToInt32Native(n) + Vector128.Create(127)) << 23).AsSingle();
        Vector128<float> result = p * power;
        return Vector128.ConditionalSelect(Vector128.LessThan(x, Vector128.Create(ExpPolynomial.Lowest)), Vector128<float>.Zero, result);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> value)
    {
        Vector128<float> pairs = value + Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1));
        return (pairs + Vector128.Shuffle(pairs, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumFour(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) =>
        Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Abs(Vector128<float> value) => Vector128.Abs(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Round(Vector128<float> value) => Vector128.Round(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInt8(Vector128<float> value, sbyte* destination)
    {
        Vector128<short> words = Vector128.Narrow(Vector128.ConvertToInt32Native(value), Vector128<int>.Zero);
        *(int*)destination = Vector128.Narrow(words, words).AsInt32().ToScalar();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Vector128<float> value)
    {
        Vector128<float> pairs = Vector128.MaxNative(value, Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(pairs, Vector128.Shuffle(pairs, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> FirstLanes(int count) =>
        Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Widen(ushort* source) =>
        Vector128.WidenLower(Vector64.Load(source).ToVector128());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> WidenSigned(ushort* source) =>
        Vector128.WidenLower(Vector64.Load((short*)source).ToVector128());
}
