using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of eight bits in AVX512BW: even and odd bytes widened to 16 bits, so that no sum saturates.</summary>
internal readonly unsafe struct ByteDots512 : IInt8Dots<Vector512<byte>>
{
    public static int Bytes => 64;

    public static int Subtracted => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(byte* weights) => Vector512.Load(weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Broadcast(sbyte* activations) => Vector512.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Dot(Vector512<byte> sums, Vector512<byte> weights, Vector512<byte> activations)
    {
        Vector512<short> evenWeights = (weights.AsUInt16() & Vector512.Create((ushort)0xff)).AsInt16();
        Vector512<short> oddWeights = (weights.AsUInt16() >>> 8).AsInt16();
        Vector512<short> even = (activations.AsInt16() << 8) >> 8;
        Vector512<short> odd = activations.AsInt16() >> 8;
        return (sums.AsInt32() + Avx512BW.MultiplyAddAdjacent(evenWeights, even) + Avx512BW.MultiplyAddAdjacent(oddWeights, odd)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector512<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}

/// <summary>Weights of eight bits, signed, in AVX2.</summary>
internal readonly unsafe struct ByteDots256 : IInt8Dots<Vector256<byte>>
{
    public static int Bytes => 32;

    public static int Subtracted => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* weights) => Vector256.Load(weights) ^ Vector256.Create((byte)0x80);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Broadcast(sbyte* activations) => Vector256.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Dot(Vector256<byte> sums, Vector256<byte> weights, Vector256<byte> activations)
    {
        // The activations take the weights' signs, and the weights lose them: two products are 2 · 128 · 127 at most.
        Vector256<sbyte> signed = Avx2.Sign(activations.AsSByte(), weights.AsSByte());
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(Vector256.Abs(weights.AsSByte()).AsByte(), signed);
        return (sums.AsInt32() + Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector256<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}

/// <summary>Weights of eight bits in SSE: even and odd bytes widened to 16 bits, so that no sum saturates.</summary>
internal readonly unsafe struct ByteDots128 : IInt8Dots<Vector128<byte>>
{
    public static int Bytes => 16;

    public static int Subtracted => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* weights) => Vector128.Load(weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Broadcast(sbyte* activations) => Vector128.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Dot(Vector128<byte> sums, Vector128<byte> weights, Vector128<byte> activations)
    {
        Vector128<short> evenWeights = (weights.AsUInt16() & Vector128.Create((ushort)0xff)).AsInt16();
        Vector128<short> oddWeights = (weights.AsUInt16() >>> 8).AsInt16();
        Vector128<short> even = (activations.AsInt16() << 8) >> 8;
        Vector128<short> odd = activations.AsInt16() >> 8;
        return (sums.AsInt32() + Sse2.MultiplyAddAdjacent(evenWeights, even) + Sse2.MultiplyAddAdjacent(oddWeights, odd)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector128<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}
