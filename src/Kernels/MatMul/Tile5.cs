using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// 5 rows of A by 5 rows of W: 25 accumulators, 5 vectors of A and one of W stay in 32 registers; 10 loads feed 25 multiply-adds.
/// </summary>
internal readonly unsafe struct Tile5 : IMatMulTile
{
    public static int Side => 5;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TVector, TLanes>(float* a, float* w, int steps, float* sums, nint sumsStride)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero, c03 = TLanes.Zero, c04 = TLanes.Zero;
        TVector c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero, c13 = TLanes.Zero, c14 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero, c23 = TLanes.Zero, c24 = TLanes.Zero;
        TVector c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero, c33 = TLanes.Zero, c34 = TLanes.Zero;
        TVector c40 = TLanes.Zero, c41 = TLanes.Zero, c42 = TLanes.Zero, c43 = TLanes.Zero, c44 = TLanes.Zero;
        for (int step = 0; step < steps; step++)
        {
            TVector a0 = TLanes.Load(a);
            TVector a1 = TLanes.Load(a + (1 * width));
            TVector a2 = TLanes.Load(a + (2 * width));
            TVector a3 = TLanes.Load(a + (3 * width));
            TVector a4 = TLanes.Load(a + (4 * width));
            TVector b = TLanes.Load(w);
            c00 = TLanes.MultiplyAdd(a0, b, c00);
            c10 = TLanes.MultiplyAdd(a1, b, c10);
            c20 = TLanes.MultiplyAdd(a2, b, c20);
            c30 = TLanes.MultiplyAdd(a3, b, c30);
            c40 = TLanes.MultiplyAdd(a4, b, c40);
            b = TLanes.Load(w + (1 * width));
            c01 = TLanes.MultiplyAdd(a0, b, c01);
            c11 = TLanes.MultiplyAdd(a1, b, c11);
            c21 = TLanes.MultiplyAdd(a2, b, c21);
            c31 = TLanes.MultiplyAdd(a3, b, c31);
            c41 = TLanes.MultiplyAdd(a4, b, c41);
            b = TLanes.Load(w + (2 * width));
            c02 = TLanes.MultiplyAdd(a0, b, c02);
            c12 = TLanes.MultiplyAdd(a1, b, c12);
            c22 = TLanes.MultiplyAdd(a2, b, c22);
            c32 = TLanes.MultiplyAdd(a3, b, c32);
            c42 = TLanes.MultiplyAdd(a4, b, c42);
            b = TLanes.Load(w + (3 * width));
            c03 = TLanes.MultiplyAdd(a0, b, c03);
            c13 = TLanes.MultiplyAdd(a1, b, c13);
            c23 = TLanes.MultiplyAdd(a2, b, c23);
            c33 = TLanes.MultiplyAdd(a3, b, c33);
            c43 = TLanes.MultiplyAdd(a4, b, c43);
            b = TLanes.Load(w + (4 * width));
            c04 = TLanes.MultiplyAdd(a0, b, c04);
            c14 = TLanes.MultiplyAdd(a1, b, c14);
            c24 = TLanes.MultiplyAdd(a2, b, c24);
            c34 = TLanes.MultiplyAdd(a3, b, c34);
            c44 = TLanes.MultiplyAdd(a4, b, c44);
            a += 5 * width;
            w += 5 * width;
        }

        TLanes.SumFour(c00, c01, c02, c03).Store(sums);
        TLanes.SumFour(c10, c11, c12, c13).Store(sums + sumsStride);
        TLanes.SumFour(c20, c21, c22, c23).Store(sums + (2 * sumsStride));
        TLanes.SumFour(c30, c31, c32, c33).Store(sums + (3 * sumsStride));
        TLanes.SumFour(c40, c41, c42, c43).Store(sums + (4 * sumsStride));
        Vector128<float> last = TLanes.SumFour(c04, c14, c24, c34);
        sums[4] = last[0];
        sums[sumsStride + 4] = last[1];
        sums[(2 * sumsStride) + 4] = last[2];
        sums[(3 * sumsStride) + 4] = last[3];
        sums[(4 * sumsStride) + 4] = TLanes.Sum(c44);
    }
}
