using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class WidenTile
{
    /// <summary>Widens a tile of keys, [headDim][64].</summary>
    internal static void Keys<TVector, TLanes, TElement>(byte* tile, int headDim, float* k)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        float* scales = KvLayout.Scales(tile, headDim);
        for (int slot = 0; slot < KvLayout.PagePositions; slot += TLanes.Width)
        {
            TVector start = TElement.Start<TVector, TLanes>(tile + (slot * TElement.Bytes));
            TVector scale = TElement.IsScaled ? TLanes.Load(scales + slot) : TLanes.Zero;
            for (int i = slot; i < KvLayout.TileFloats(headDim); i += KvLayout.PagePositions)
            {
                TVector numbers = TElement.Load<TVector, TLanes>(tile + (i * TElement.Bytes));
                TLanes.Store(TElement.IsScaled ? TLanes.Multiply(numbers, scale) : TLanes.Add(numbers, start), k + i);
            }
        }
    }

    /// <summary>Widens a tile of values, [64][headDim].</summary>
    internal static void Values<TVector, TLanes, TElement>(byte* tile, int headDim, float* v)
        where TVector : struct
        where TLanes : ILanes<TVector>
        where TElement : IKvElement
    {
        float* scales = KvLayout.Scales(tile, headDim);
        for (int slot = 0; slot < KvLayout.PagePositions; slot++)
        {
            float scale = TElement.IsScaled ? scales[slot] : 1;
            int end = (slot + 1) * headDim;
            int i = slot * headDim;
            for (; i + TLanes.Width <= end; i += TLanes.Width)
            {
                TVector numbers = TElement.Load<TVector, TLanes>(tile + (i * TElement.Bytes));
                TLanes.Store(TElement.IsScaled ? TLanes.Multiply(numbers, TLanes.Broadcast(scale)) : numbers, v + i);
            }
            for (; i < end; i++)
                v[i] = TElement.Widen(tile + (i * TElement.Bytes)) * scale;
        }
    }
}
