using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// 3 rows of A by 3 rows of W: 9 accumulators, 3 vectors of A and one of W stay in 16 registers; 6 loads feed 9 multiply-adds.
/// </summary>
internal readonly unsafe struct Tile3 : IMatMulTile
{
    public static int Side => 3;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate<TVector, TLanes>(float* a, float* w, int steps, float* partial, bool first)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector c00, c01, c02, c10, c11, c12, c20, c21, c22;
        if (first)
        {
            c00 = c01 = c02 = TLanes.Zero;
            c10 = c11 = c12 = TLanes.Zero;
            c20 = c21 = c22 = TLanes.Zero;
        }
        else
        {
            c00 = TLanes.Load(partial + 0 * width);
            c01 = TLanes.Load(partial + 1 * width);
            c02 = TLanes.Load(partial + 2 * width);
            c10 = TLanes.Load(partial + 3 * width);
            c11 = TLanes.Load(partial + 4 * width);
            c12 = TLanes.Load(partial + 5 * width);
            c20 = TLanes.Load(partial + 6 * width);
            c21 = TLanes.Load(partial + 7 * width);
            c22 = TLanes.Load(partial + 8 * width);
        }

        for (int step = 0; step < steps; step++)
        {
            TVector a0 = TLanes.Load(a);
            TVector a1 = TLanes.Load(a + 1 * width);
            TVector a2 = TLanes.Load(a + 2 * width);
            TVector b = TLanes.Load(w);
            c00 = TLanes.MultiplyAdd(a0, b, c00);
            c10 = TLanes.MultiplyAdd(a1, b, c10);
            c20 = TLanes.MultiplyAdd(a2, b, c20);
            b = TLanes.Load(w + 1 * width);
            c01 = TLanes.MultiplyAdd(a0, b, c01);
            c11 = TLanes.MultiplyAdd(a1, b, c11);
            c21 = TLanes.MultiplyAdd(a2, b, c21);
            b = TLanes.Load(w + 2 * width);
            c02 = TLanes.MultiplyAdd(a0, b, c02);
            c12 = TLanes.MultiplyAdd(a1, b, c12);
            c22 = TLanes.MultiplyAdd(a2, b, c22);
            a += 3 * width;
            w += 3 * width;
        }

        TLanes.Store(c00, partial + 0 * width);
        TLanes.Store(c01, partial + 1 * width);
        TLanes.Store(c02, partial + 2 * width);
        TLanes.Store(c10, partial + 3 * width);
        TLanes.Store(c11, partial + 4 * width);
        TLanes.Store(c12, partial + 5 * width);
        TLanes.Store(c20, partial + 6 * width);
        TLanes.Store(c21, partial + 7 * width);
        TLanes.Store(c22, partial + 8 * width);
    }
}
