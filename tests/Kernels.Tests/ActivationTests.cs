using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class ActivationTests
{
    [Fact]
    public void The_error_function_has_known_values()
    {
        Assert.Equal(0, Gelu.Erf(0));
        Assert.Equal(0.8427007929497149, Gelu.Erf(1), 1e-15);
        Assert.Equal(-0.9953222650189527, Gelu.Erf(-2), 1e-15);
        Assert.Equal(0.9999999845827421, Gelu.Erf(4), 1e-15);
        Assert.Equal(1, Gelu.Erf(7));
        Assert.True(double.IsNaN(Gelu.Erf(double.NaN)));
    }

    [Fact]
    public void Activations_are_accurate_over_their_range()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            for (float x = -10; x <= 10; x += 0.00137f)
            {
                TVector vector = TLanes.Broadcast(x);
                double erfc = TLanes.MaxLane(Gelu.Erfc<TVector, TLanes>(TLanes.Broadcast(Math.Abs(x))));
                Assert.InRange(Math.Abs(erfc - (1 - Gelu.Erf(Math.Abs(x)))), 0, 2.4e-7);
                float gelu = TLanes.MaxLane(Gelu.Apply<TVector, TLanes>(vector));
                Assert.InRange(Math.Abs((double)gelu - Gelu.Define(x)), 0, 1.5e-7 * Math.Max(1, Math.Abs(x)));
                float quickGelu = TLanes.MaxLane(QuickGelu.Apply<TVector, TLanes>(vector));
                Assert.InRange(Math.Abs((double)quickGelu - QuickGelu.Define(x)), 0, 2.4e-7 * Math.Max(1, Math.Abs(x)));
                float swiGlu = TLanes.MaxLane(SwiGlu.Apply<TVector, TLanes>(vector, TLanes.Broadcast(2)));
                Assert.InRange(Math.Abs(swiGlu - (2 * x / (1 + Math.Exp(-x)))), 0, 2.4e-7 * Math.Max(1, Math.Abs(2 * x)));
            }
            foreach (float x in new[] { 200f, 1e30f, float.PositiveInfinity })
            {
                Assert.Equal(x, TLanes.MaxLane(Gelu.Apply<TVector, TLanes>(TLanes.Broadcast(x))));
                Assert.Equal(x, TLanes.MaxLane(QuickGelu.Apply<TVector, TLanes>(TLanes.Broadcast(x))));
                Assert.Equal(x, TLanes.MaxLane(SwiGlu.Apply<TVector, TLanes>(TLanes.Broadcast(x), TLanes.Broadcast(1))));
            }
            foreach (float x in new[] { -30f, -200f, -1e6f })
            {
                Assert.Equal(0, TLanes.MaxLane(Gelu.Apply<TVector, TLanes>(TLanes.Broadcast(x))));
                Assert.Equal(0, TLanes.MaxLane(QuickGelu.Apply<TVector, TLanes>(TLanes.Broadcast(x))), 1e-11);
                Assert.Equal(0, TLanes.MaxLane(SwiGlu.Apply<TVector, TLanes>(TLanes.Broadcast(x), TLanes.Broadcast(1))), 1e-11);
            }
            TVector nan = TLanes.Broadcast(float.NaN);
            Assert.True(float.IsNaN(TLanes.Sum(Gelu.Apply<TVector, TLanes>(nan))));
            Assert.True(float.IsNaN(TLanes.Sum(QuickGelu.Apply<TVector, TLanes>(nan))));
            Assert.True(float.IsNaN(TLanes.Sum(SwiGlu.Apply<TVector, TLanes>(nan, TLanes.Broadcast(1)))));
            TVector lowest = TLanes.Broadcast(float.NegativeInfinity);
            Assert.Equal(0, TLanes.Sum(Gelu.Apply<TVector, TLanes>(lowest)));
            Assert.False(float.IsFinite(TLanes.Sum(QuickGelu.Apply<TVector, TLanes>(lowest))));
            Assert.False(float.IsFinite(TLanes.Sum(SwiGlu.Apply<TVector, TLanes>(lowest, TLanes.Broadcast(1)))));
        }
    }

    [Fact]
    public void Rows_of_any_length_agree_with_the_definition_in_and_out_of_place()
    {
        Gen.Select(Gen.Int[1, 100], Gen.Int[1, 4], Gen.Int[0, 1 << 20]).Sample(
            (columns, rows, seed) =>
            {
                Check<Vector512<float>, Lanes512>(columns, rows, seed);
                Check<Vector256<float>, Lanes256>(columns, rows, seed);
                Check<Vector128<float>, Lanes128>(columns, rows, seed);
            },
            iter: 60);

        static void Check<TVector, TLanes>(int columns, int rows, int seed)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            int stride = (2 * columns) + 3;
            using NativeBuffer<float> x = NativeBuffer.Normal(rows * stride, seed, 3);
            using NativeBuffer<float> expected = x.Copy();
            using NativeBuffer<float> actual = x.Copy();
            SwiGlu.Define(x.Pointer, stride, expected.Pointer, stride, columns, 0, rows);
            SwiGlu.Cpu<TVector, TLanes>(actual.Pointer, stride, actual.Pointer, stride, columns, 0, rows);
            NativeBuffer.AssertClose(expected.Span, actual.Span, 2e-6);
            using NativeBuffer<float> apart = x.Copy();
            for (int row = rows - 1; row >= 0; row--)
                SwiGlu.Cpu<TVector, TLanes>(x.Pointer, stride, apart.Pointer, stride, columns, row, 1);
            NativeBuffer.AssertSameBits(actual.Span, apart.Span);

            Compare(x, QuickGelu.Define, QuickGelu.Cpu<TVector, TLanes>, columns, rows, stride);
            Compare(x, Gelu.Define, Gelu.Cpu<TVector, TLanes>, columns, rows, stride);
        }
    }

    private delegate void RowKernel(float* x, nint xStride, float* y, nint yStride, int columns, int firstRow, int rows);

    private static void Compare(
        NativeBuffer<float> x, Func<float, float> definition, RowKernel kernel, int columns, int rows, int stride)
    {
        using NativeBuffer<float> expected = x.Copy();
        using NativeBuffer<float> inPlace = x.Copy();
        using NativeBuffer<float> apart = x.Copy();
        for (int row = 0; row < rows; row++)
        {
            foreach (ref float value in expected.Span.Slice(row * stride, columns))
                value = definition(value);
            kernel(x.Pointer, stride, apart.Pointer, stride, columns, row, 1);
        }
        kernel(inPlace.Pointer, stride, inPlace.Pointer, stride, columns, 0, rows);
        NativeBuffer.AssertClose(expected.Span, inPlace.Span, 1e-6);
        NativeBuffer.AssertSameBits(inPlace.Span, apart.Span);
    }
}
