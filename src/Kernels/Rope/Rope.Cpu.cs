using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class Rope
{
    /// <summary>Rotates the heads of a range of rows in place.</summary>
    /// <param name="x">[rows, heads * headDim].</param>
    /// <param name="stride">Floats from a row to the next.</param>
    /// <param name="heads">Heads of a row.</param>
    /// <param name="headDim">Columns of a head.</param>
    /// <param name="cos">Table of <see cref="BuildTable"/>.</param>
    /// <param name="sin">Table of <see cref="BuildTable"/>.</param>
    /// <param name="positions">The position of each row [rows].</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Cpu<TVector, TLanes>(
        float* x, nint stride, int heads, int headDim, float* cos, float* sin, int* positions, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            long entry = (long)positions[row] * (headDim / 2);
            for (int head = 0; head < heads; head++)
                Rotate<TVector, TLanes>(x + (row * stride) + (head * headDim), cos + entry, sin + entry, headDim);
        }
    }

    /// <summary>Rotates one head in place with the table rows of its position.</summary>
    internal static void Rotate<TVector, TLanes>(float* x, float* cos, float* sin, int headDim)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int half = headDim / 2;
        int i = 0;
        for (; i <= half - TLanes.Width; i += TLanes.Width)
        {
            TVector low = TLanes.Load(x + i);
            TVector high = TLanes.Load(x + half + i);
            TVector c = TLanes.Load(cos + i);
            TVector s = TLanes.Load(sin + i);
            TLanes.Store(TLanes.Subtract(TLanes.Multiply(low, c), TLanes.Multiply(high, s)), x + i);
            TLanes.Store(TLanes.MultiplyAdd(low, s, TLanes.Multiply(high, c)), x + half + i);
        }
        int rest = half - i;
        if (rest > 0)
        {
            TVector low = TLanes.LoadPartial(x + i, rest);
            TVector high = TLanes.LoadPartial(x + half + i, rest);
            TVector c = TLanes.LoadPartial(cos + i, rest);
            TVector s = TLanes.LoadPartial(sin + i, rest);
            TLanes.StorePartial(TLanes.Subtract(TLanes.Multiply(low, c), TLanes.Multiply(high, s)), x + i, rest);
            TLanes.StorePartial(TLanes.MultiplyAdd(low, s, TLanes.Multiply(high, c)), x + half + i, rest);
        }
    }
}
