using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class WidenTile
{
    /// <summary>Widens a tile of keys, [headDim][64].</summary>
    public static void Keys<TVector, TLanes>(byte* tile, int headDim, float* k)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scales = KvLayout.Scales(tile, headDim);
        for (int slot = 0; slot < KvLayout.PagePositions; slot += TLanes.Width)
        {
            TVector scale = TLanes.Load(scales + slot);
            for (int i = slot; i < KvLayout.TileFloats(headDim); i += KvLayout.PagePositions)
                TLanes.Store(TLanes.Multiply(TLanes.LoadInt8((sbyte*)tile + i), scale), k + i);
        }
    }

    /// <summary>Widens a tile of values, [64][headDim].</summary>
    public static void Values<TVector, TLanes>(byte* tile, int headDim, float* v)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* scales = KvLayout.Scales(tile, headDim);
        for (int slot = 0; slot < KvLayout.PagePositions; slot++)
        {
            TVector scale = TLanes.Broadcast(scales[slot]);
            int end = (slot + 1) * headDim;
            int i = slot * headDim;
            for (; i + TLanes.Width <= end; i += TLanes.Width)
                TLanes.Store(TLanes.Multiply(TLanes.LoadInt8((sbyte*)tile + i), scale), v + i);
            for (; i < end; i++)
                v[i] = Define(tile, headDim, i, slot);
        }
    }
}
