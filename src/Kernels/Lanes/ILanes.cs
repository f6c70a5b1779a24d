using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Lanes;

/// <summary>
/// The vector operations that the CPU kernels are written in, once, for every register width. A kernel is generic over the
/// vector type <typeparamref name="TVector"/> and its operations; the JIT compiles one specialised body a width.
/// </summary>
/// <typeparam name="TVector">The vector of <see cref="Width"/> floats.</typeparam>
public unsafe interface ILanes<TVector>
    where TVector : struct
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Width { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TVector Zero { get; }

    /// <summary>All lanes <paramref name="value"/>.</summary>
    static abstract TVector Broadcast(float value);

    /// <summary>Reads <see cref="Width"/> floats, at any alignment.</summary>
    static abstract TVector Load(float* source);

    /// <summary>Reads the first <paramref name="count"/> &lt; <see cref="Width"/> floats; the other lanes are 0.</summary>
    static abstract TVector LoadPartial(float* source, int count);

    /// <summary>Reads <see cref="Width"/> binary16 values exactly, subnormals, infinities and NaN included.</summary>
    static abstract TVector LoadF16(ushort* source);

    /// <summary>
    /// Reads <see cref="Width"/> finite binary16 values exactly, in half the instructions of <see cref="LoadF16"/>; infinities
    /// and NaN read as numbers of 65536 and more.
    /// </summary>
    static abstract TVector LoadFiniteF16(ushort* source);

    /// <summary>Reads <see cref="Width"/> bfloat16 values exactly.</summary>
    static abstract TVector LoadBF16(ushort* source);

    /// <summary>Reads <see cref="Width"/> signed bytes.</summary>
    static abstract TVector LoadInt8(sbyte* source);

    /// <summary>Writes all lanes.</summary>
    static abstract void Store(TVector value, float* destination);

    /// <summary>
    /// Writes finite lanes as binary16, rounded to the nearest, halves to even; what is beyond 65504 becomes 65504. Of other lanes
    /// something is written.
    /// </summary>
    static abstract void StoreF16(TVector value, ushort* destination);

    /// <summary>Writes the first <paramref name="count"/> &lt; <see cref="Width"/> lanes.</summary>
    static abstract void StorePartial(TVector value, float* destination, int count);

    /// <summary>a + b.</summary>
    static abstract TVector Add(TVector a, TVector b);

    /// <summary>a - b.</summary>
    static abstract TVector Subtract(TVector a, TVector b);

    /// <summary>a * b.</summary>
    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a / b.</summary>
    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>The larger of a and b, lane by lane.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>The smaller of a and b, lane by lane.</summary>
    static abstract TVector Min(TVector a, TVector b);

    /// <summary>a * b + c, rounded once where the CPU has a fused multiply-add.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>e to the power of each lane, within 2 ulp; below -87.3 it is 0.</summary>
    static abstract TVector Exp(TVector x);

    /// <summary>The sum of all lanes, halves first: a fixed tree, so equal vectors give equal bits.</summary>
    static abstract float Sum(TVector value);

    /// <summary>The sums of all lanes of four vectors, each in the tree of <see cref="Sum"/>.</summary>
    static abstract Vector128<float> SumFour(TVector a, TVector b, TVector c, TVector d);

    /// <summary>The magnitude of each lane.</summary>
    static abstract TVector Abs(TVector value);

    /// <summary>Each lane rounded to an integer, halves to even.</summary>
    static abstract TVector Round(TVector value);

    /// <summary>Writes lanes that hold integers in -128…127 as signed bytes.</summary>
    static abstract void StoreInt8(TVector value, sbyte* destination);

    /// <summary>The largest lane.</summary>
    static abstract float MaxLane(TVector value);
}
