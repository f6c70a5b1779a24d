using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class RopeTests
{
    [Fact]
    public void The_table_holds_cosines_of_angles_rounded_to_float()
    {
        var cos = new float[4 * 64];
        var sin = new float[4 * 64];
        Rope.BuildTable(10000, 128, 4, cos, sin);
        Assert.All(cos[..64], value => Assert.Equal(1f, value));
        Assert.All(sin[..64], value => Assert.Equal(0f, value));
        Assert.Equal((float)Math.Cos(3), cos[3 * 64]);
        Assert.Equal((float)Math.Sin(3), sin[3 * 64]);
        // theta^(-2i / headDim) for i = 32 is 10000^(-1/2).
        Assert.Equal((float)Math.Cos(3 * 0.01f), cos[(3 * 64) + 32]);
        Assert.Equal((float)Math.Sin(3 * 0.01f), sin[(3 * 64) + 32]);
    }

    [Fact]
    public void A_table_of_the_wrong_size_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Rope.BuildTable(10000, 7, 1, new float[3], new float[3]));
        Assert.Throws<ArgumentException>(() => Rope.BuildTable(10000, 8, 2, new float[7], new float[8]));
        Assert.Throws<ArgumentException>(() => Rope.BuildTable(10000, 8, 2, new float[8], new float[9]));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(12)]
    [InlineData(24)]
    [InlineData(80)]
    [InlineData(128)]
    public void Rotation_agrees_with_the_definition(int headDim)
    {
        Check<Vector512<float>, Lanes512>(headDim);
        Check<Vector256<float>, Lanes256>(headDim);
        Check<Vector128<float>, Lanes128>(headDim);

        static void Check<TVector, TLanes>(int headDim)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            const int Heads = 3, Rows = 5, TablePositions = 1400;
            int half = headDim / 2;
            int stride = (Heads * headDim) + 5;
            using var cos = new NativeBuffer<float>(TablePositions * half);
            using var sin = new NativeBuffer<float>(TablePositions * half);
            Rope.BuildTable(10000, headDim, TablePositions, cos.Span, sin.Span);
            using NativeBuffer<int> positions = NativeBuffer.Of(0, 1, 63, 64, 1399);
            using NativeBuffer<float> x = NativeBuffer.Normal(Rows * stride, headDim);
            using NativeBuffer<float> expected = x.Copy();
            using NativeBuffer<float> apart = x.Copy();
            for (int row = 0; row < Rows; row++)
            {
                long entry = (long)positions.Span[row] * half;
                for (int head = 0; head < Heads; head++)
                    Rope.Define(expected.Pointer + (row * stride) + (head * headDim), cos.Pointer + entry, sin.Pointer + entry, headDim);
                Rope.Cpu<TVector, TLanes>(
                    apart.Pointer, stride, Heads, headDim, cos.Pointer, sin.Pointer, positions.Pointer, row, 1);
            }
            Rope.Cpu<TVector, TLanes>(x.Pointer, stride, Heads, headDim, cos.Pointer, sin.Pointer, positions.Pointer, 0, Rows);
            NativeBuffer.AssertClose(expected.Span, x.Span, 5e-7);
            NativeBuffer.AssertSameBits(x.Span, apart.Span);
        }
    }
}
