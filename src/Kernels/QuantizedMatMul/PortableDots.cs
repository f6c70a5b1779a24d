using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels;

/// <summary>Weights of up to eight bits, in instructions that every CPU has.</summary>
internal readonly unsafe struct PortableDots128 : IInt8Dots<Vector128<byte>>
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
        Vector128<int> sum = sums.AsInt32();
        for (int i = 0; i < 4; i++)
        {
            Vector128<int> weight = (weights.AsUInt32() >>> (8 * i)).AsInt32() & Vector128.Create(0xff);
            sum += weight * ((activations.AsInt32() << (24 - (8 * i))) >> 24);
        }
        return sum.AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(Vector128<byte> sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals) =>
        Int8Tile.AddScaled(sums.AsInt32(), start, scale, scales, minima, scaledSum, totals);
}
