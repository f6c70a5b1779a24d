using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// 3 rows of A by 3 rows of W: 9 accumulators, 3 vectors of A and one of W stay in 16 registers; 6 loads feed 9 multiply-adds.
/// </summary>
internal readonly unsafe struct Tile3 : IMatMulTile
{
    public static int Side => 3;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TVector, TLanes>(float* a, float* w, int steps, float* sums, nint sumsStride)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = TLanes.Width;
        TVector c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero;
        TVector c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero;
        TVector c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero;
        for (int step = 0; step < steps; step++)
        {
            TVector a0 = TLanes.Load(a);
            TVector a1 = TLanes.Load(a + (1 * width));
            TVector a2 = TLanes.Load(a + (2 * width));
            TVector b = TLanes.Load(w);
            c00 = TLanes.MultiplyAdd(a0, b, c00);
            c10 = TLanes.MultiplyAdd(a1, b, c10);
            c20 = TLanes.MultiplyAdd(a2, b, c20);
            b = TLanes.Load(w + (1 * width));
            c01 = TLanes.MultiplyAdd(a0, b, c01);
            c11 = TLanes.MultiplyAdd(a1, b, c11);
            c21 = TLanes.MultiplyAdd(a2, b, c21);
            b = TLanes.Load(w + (2 * width));
            c02 = TLanes.MultiplyAdd(a0, b, c02);
            c12 = TLanes.MultiplyAdd(a1, b, c12);
            c22 = TLanes.MultiplyAdd(a2, b, c22);
            a += 3 * width;
            w += 3 * width;
        }

        Vector128<float> row0 = TLanes.SumFour(c00, c01, c02, TLanes.Zero);
        Vector128<float> row1 = TLanes.SumFour(c10, c11, c12, TLanes.Zero);
        Vector128<float> row2 = TLanes.SumFour(c20, c21, c22, TLanes.Zero);
        sums[0] = row0[0];
        sums[1] = row0[1];
        sums[2] = row0[2];
        sums[sumsStride] = row1[0];
        sums[sumsStride + 1] = row1[1];
        sums[sumsStride + 2] = row1[2];
        sums[(2 * sumsStride)] = row2[0];
        sums[(2 * sumsStride) + 1] = row2[1];
        sums[(2 * sumsStride) + 2] = row2[2];
    }
}
