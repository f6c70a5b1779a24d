using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class SwiGlu
{
    /// <summary>One vector of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TVector, TLanes>(TVector gate, TVector up)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector denominator = TLanes.Add(TLanes.Broadcast(1), TLanes.Exp(TLanes.Subtract(TLanes.Zero, gate)));
        return TLanes.Multiply(TLanes.Divide(gate, denominator), up);
    }

    /// <summary>A range of rows; parameters as in the definition.</summary>
    public static void Cpu<TVector, TLanes>(
        float* gateUp, nint gateUpStride, float* y, nint yStride, int columns, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
            ApplyRow<TVector, TLanes>(gateUp + (row * gateUpStride), y + (row * yStride), columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyRow<TVector, TLanes>(float* gate, float* y, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* up = gate + columns;
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
            TLanes.Store(Apply<TVector, TLanes>(TLanes.Load(gate + c), TLanes.Load(up + c)), y + c);
        int rest = columns - c;
        if (rest > 0)
            TLanes.StorePartial(Apply<TVector, TLanes>(TLanes.LoadPartial(gate + c, rest), TLanes.LoadPartial(up + c, rest)), y + c, rest);
    }
}
