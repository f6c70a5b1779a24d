using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>How the numbers of a <see cref="KvElement"/> are read: the CPU's kernels widen them as they load.</summary>
internal unsafe interface IKvElement
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Bytes { get; }

    /// <summary>Whether the numbers of a position are multiplied by a scale behind the tile.</summary>
    static abstract bool IsScaled { get; }

    /// <summary>A number, unscaled.</summary>
    static abstract float Widen(byte* source);

    /// <summary>A vector of finite numbers, unscaled.</summary>
    static abstract TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector>;

    /// <summary>0 in every lane, but NaN in those of positions that <see cref="Load"/> does not show to be none, by their first key numbers.</summary>
    static abstract TVector Start<TVector, TLanes>(byte* firstKeys)
        where TVector : struct
        where TLanes : ILanes<TVector>;
}

/// <summary>Numbers of <see cref="KvElement.F32"/>.</summary>
internal readonly unsafe struct KvF32 : IKvElement
{
    public static int Bytes => sizeof(float);

    public static bool IsScaled => false;

    public static float Widen(byte* source) => *(float*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Start<TVector, TLanes>(byte* firstKeys)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.Zero;
}

/// <summary>Numbers of <see cref="KvElement.F16"/>.</summary>
internal readonly unsafe struct KvF16 : IKvElement
{
    public static int Bytes => sizeof(ushort);

    public static bool IsScaled => false;

    public static float Widen(byte* source) => (float)*(Half*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.LoadFiniteF16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Start<TVector, TLanes>(byte* firstKeys)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector keys = TLanes.LoadF16((ushort*)firstKeys);
        return TLanes.Subtract(keys, keys);
    }
}

/// <summary>Numbers of <see cref="KvElement.Q8"/>; what is none has a scale that is none.</summary>
internal readonly unsafe struct KvQ8 : IKvElement
{
    public static int Bytes => sizeof(sbyte);

    public static bool IsScaled => true;

    public static float Widen(byte* source) => *(sbyte*)source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TVector, TLanes>(byte* source)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.LoadInt8((sbyte*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Start<TVector, TLanes>(byte* firstKeys)
        where TVector : struct
        where TLanes : ILanes<TVector> => TLanes.Zero;
}
