using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of up to eight bits in AVX-VNNI.</summary>
internal readonly unsafe struct VnniDots256 : IInt8Dots<Vector256<byte>>
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
        return AvxVnni.MultiplyWideningAndAdd(sums.AsInt32(), weights, activations.AsSByte()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector256<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}
