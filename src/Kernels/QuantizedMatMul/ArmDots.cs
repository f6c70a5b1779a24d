using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of up to eight bits in the Arm dot product, which takes both with sign: u · a = (u - 128) · a + 128 a.</summary>
internal readonly unsafe struct ArmDots128 : IInt8Dots<Vector128<byte>>
{
    public static int Bytes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(byte* weights) => Vector128.Load(weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Broadcast(sbyte* activations) => Vector128.Create(*(int*)activations).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Dot(Vector128<byte> sums, Vector128<byte> weights, Vector128<byte> activations)
    {
        Vector128<int> signed = Dp.DotProduct(sums.AsInt32(), (weights ^ Vector128.Create((byte)0x80)).AsSByte(), activations.AsSByte());
        return (signed + (Dp.DotProduct(Vector128<int>.Zero, Vector128.Create((sbyte)1), activations.AsSByte()) << 7)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector128<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}
