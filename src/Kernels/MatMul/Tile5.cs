using System.Runtime.CompilerServices;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// 5 rows of A by 5 rows of W: 25 accumulators, 5 vectors of A and one of W stay in 32 registers; 10 loads feed 25 multiply-adds.
/// </summary>
internal readonly unsafe struct Tile5 : IMatMulTile
{
    public static int Side => 5;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate<TVector, TLanes>(float* a, float* w, int steps, float* partial, bool first)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector c00, c01, c02, c03, c04, c10, c11, c12, c13, c14, c20, c21, c22, c23, c24, c30, c31, c32, c33, c34, c40, c41, c42, c43, c44;
        if (first)
        {
            c00 = c01 = c02 = c03 = c04 = TLanes.Zero;
            c10 = c11 = c12 = c13 = c14 = TLanes.Zero;
            c20 = c21 = c22 = c23 = c24 = TLanes.Zero;
            c30 = c31 = c32 = c33 = c34 = TLanes.Zero;
            c40 = c41 = c42 = c43 = c44 = TLanes.Zero;
        }
        else
        {
            c00 = TLanes.Load(partial + 0 * width);
            c01 = TLanes.Load(partial + 1 * width);
            c02 = TLanes.Load(partial + 2 * width);
            c03 = TLanes.Load(partial + 3 * width);
            c04 = TLanes.Load(partial + 4 * width);
            c10 = TLanes.Load(partial + 5 * width);
            c11 = TLanes.Load(partial + 6 * width);
            c12 = TLanes.Load(partial + 7 * width);
            c13 = TLanes.Load(partial + 8 * width);
            c14 = TLanes.Load(partial + 9 * width);
            c20 = TLanes.Load(partial + 10 * width);
            c21 = TLanes.Load(partial + 11 * width);
            c22 = TLanes.Load(partial + 12 * width);
            c23 = TLanes.Load(partial + 13 * width);
            c24 = TLanes.Load(partial + 14 * width);
            c30 = TLanes.Load(partial + 15 * width);
            c31 = TLanes.Load(partial + 16 * width);
            c32 = TLanes.Load(partial + 17 * width);
            c33 = TLanes.Load(partial + 18 * width);
            c34 = TLanes.Load(partial + 19 * width);
            c40 = TLanes.Load(partial + 20 * width);
            c41 = TLanes.Load(partial + 21 * width);
            c42 = TLanes.Load(partial + 22 * width);
            c43 = TLanes.Load(partial + 23 * width);
            c44 = TLanes.Load(partial + 24 * width);
        }

        for (int step = 0; step < steps; step++)
        {
            TVector a0 = TLanes.Load(a);
            TVector a1 = TLanes.Load(a + 1 * width);
            TVector a2 = TLanes.Load(a + 2 * width);
            TVector a3 = TLanes.Load(a + 3 * width);
            TVector a4 = TLanes.Load(a + 4 * width);
            TVector b = TLanes.Load(w);
            c00 = TLanes.MultiplyAdd(a0, b, c00);
            c10 = TLanes.MultiplyAdd(a1, b, c10);
            c20 = TLanes.MultiplyAdd(a2, b, c20);
            c30 = TLanes.MultiplyAdd(a3, b, c30);
            c40 = TLanes.MultiplyAdd(a4, b, c40);
            b = TLanes.Load(w + 1 * width);
            c01 = TLanes.MultiplyAdd(a0, b, c01);
            c11 = TLanes.MultiplyAdd(a1, b, c11);
            c21 = TLanes.MultiplyAdd(a2, b, c21);
            c31 = TLanes.MultiplyAdd(a3, b, c31);
            c41 = TLanes.MultiplyAdd(a4, b, c41);
            b = TLanes.Load(w + 2 * width);
            c02 = TLanes.MultiplyAdd(a0, b, c02);
            c12 = TLanes.MultiplyAdd(a1, b, c12);
            c22 = TLanes.MultiplyAdd(a2, b, c22);
            c32 = TLanes.MultiplyAdd(a3, b, c32);
            c42 = TLanes.MultiplyAdd(a4, b, c42);
            b = TLanes.Load(w + 3 * width);
            c03 = TLanes.MultiplyAdd(a0, b, c03);
            c13 = TLanes.MultiplyAdd(a1, b, c13);
            c23 = TLanes.MultiplyAdd(a2, b, c23);
            c33 = TLanes.MultiplyAdd(a3, b, c33);
            c43 = TLanes.MultiplyAdd(a4, b, c43);
            b = TLanes.Load(w + 4 * width);
            c04 = TLanes.MultiplyAdd(a0, b, c04);
            c14 = TLanes.MultiplyAdd(a1, b, c14);
            c24 = TLanes.MultiplyAdd(a2, b, c24);
            c34 = TLanes.MultiplyAdd(a3, b, c34);
            c44 = TLanes.MultiplyAdd(a4, b, c44);
            a += 5 * width;
            w += 5 * width;
        }

        TLanes.Store(c00, partial + 0 * width);
        TLanes.Store(c01, partial + 1 * width);
        TLanes.Store(c02, partial + 2 * width);
        TLanes.Store(c03, partial + 3 * width);
        TLanes.Store(c04, partial + 4 * width);
        TLanes.Store(c10, partial + 5 * width);
        TLanes.Store(c11, partial + 6 * width);
        TLanes.Store(c12, partial + 7 * width);
        TLanes.Store(c13, partial + 8 * width);
        TLanes.Store(c14, partial + 9 * width);
        TLanes.Store(c20, partial + 10 * width);
        TLanes.Store(c21, partial + 11 * width);
        TLanes.Store(c22, partial + 12 * width);
        TLanes.Store(c23, partial + 13 * width);
        TLanes.Store(c24, partial + 14 * width);
        TLanes.Store(c30, partial + 15 * width);
        TLanes.Store(c31, partial + 16 * width);
        TLanes.Store(c32, partial + 17 * width);
        TLanes.Store(c33, partial + 18 * width);
        TLanes.Store(c34, partial + 19 * width);
        TLanes.Store(c40, partial + 20 * width);
        TLanes.Store(c41, partial + 21 * width);
        TLanes.Store(c42, partial + 22 * width);
        TLanes.Store(c43, partial + 23 * width);
        TLanes.Store(c44, partial + 24 * width);
    }
}
