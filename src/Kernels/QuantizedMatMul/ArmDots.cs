using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of up to eight bits in the Arm dot product, which takes both with sign.</summary>
internal readonly unsafe struct ArmDots128 : IInt8Dots<Vector128<byte>>
{
    public static int Bytes => 16;

    public static int Subtracted => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* weights) => Vector128.Load(weights) ^ Vector128.Create((byte)0x80);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Broadcast(sbyte* activations) => Vector128.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Dot(Vector128<byte> sums, Vector128<byte> weights, Vector128<byte> activations)
    {
        return Dp.DotProduct(sums.AsInt32(), weights.AsSByte(), activations.AsSByte()).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector128<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}
