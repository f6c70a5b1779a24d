using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of four bits in AVX512BW: the products of eight steps, at most 8 · 2 · 15 · 127, are added in 16 bits and widened once a block.</summary>
internal readonly unsafe struct NibbleDots512 : IInt8Dots<Vector512<byte>>
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
        return (sums.AsInt16() + Avx512BW.MultiplyAddAdjacent(weights, activations.AsSByte())).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector512<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(Avx512BW.MultiplyAddAdjacent(sums.AsInt16(), Vector512<short>.One), start, scale, scales, minima, scaledSum, totals);
}

/// <summary>Weights of four bits in AVX2: the products of eight steps, at most 8 · 2 · 15 · 127, are added in 16 bits and widened once a block.</summary>
internal readonly unsafe struct NibbleDots256 : IInt8Dots<Vector256<byte>>
{
    public static int Bytes => 32;

    public static int Subtracted => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(byte* weights) => Vector256.Load(weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Broadcast(sbyte* activations) => Vector256.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Dot(Vector256<byte> sums, Vector256<byte> weights, Vector256<byte> activations)
    {
        return (sums.AsInt16() + Avx2.MultiplyAddAdjacent(weights, activations.AsSByte())).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector256<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(Avx2.MultiplyAddAdjacent(sums.AsInt16(), Vector256<short>.One), start, scale, scales, minima, scaledSum, totals);
}

/// <summary>Weights of four bits in SSE: the products of eight steps, at most 8 · 2 · 15 · 127, are added in 16 bits and widened once a block.</summary>
internal readonly unsafe struct NibbleDots128 : IInt8Dots<Vector128<byte>>
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
        return (sums.AsInt16() + Ssse3.MultiplyAddAdjacent(weights, activations.AsSByte())).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector128<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(Sse2.MultiplyAddAdjacent(sums.AsInt16(), Vector128<short>.One), start, scale, scales, minima, scaledSum, totals);
}
