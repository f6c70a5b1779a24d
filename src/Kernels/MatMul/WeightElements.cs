using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>A stored type that the matrix product widens to fp32 as it loads.</summary>
internal unsafe interface IWeightElement
{
    static abstract int Bytes { get; }

    static abstract float Widen(byte* source);

    static abstract TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector>;
}

internal readonly unsafe struct F32Element : IWeightElement
{
    public static int Bytes => 4;

    public static float Widen(byte* source) => *(float*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.Load((float*)source);
}

internal readonly unsafe struct F16Element : IWeightElement
{
    public static int Bytes => 2;

    public static float Widen(byte* source) => (float)*(Half*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.LoadFiniteF16((ushort*)source);
}

internal readonly unsafe struct BF16Element : IWeightElement
{
    public static int Bytes => 2;

    public static float Widen(byte* source) => BitConverter.Int32BitsToSingle(*(ushort*)source << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.LoadBF16((ushort*)source);
}
