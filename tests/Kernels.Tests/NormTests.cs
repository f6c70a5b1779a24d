using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class NormTests
{
    private const float Epsilon = 1e-5f;
    private const int Gap = 3;
    private const float Canary = 12345;

    [Fact]
    public void Norms_agree_with_their_definitions_for_any_number_of_columns()
    {
        Gen.Select(Gen.Int[1, 200], Gen.Int[1, 4], Gen.Int[0, 1 << 20]).Sample(
            (columns, rows, seed) => CheckAllWidths(columns, rows, seed), iter: 100);
        CheckAllWidths(4096, 3, 1);
        CheckAllWidths(5120, 2, 2);
        CheckAllWidths(1024, 3, 3);

        static void CheckAllWidths(int columns, int rows, int seed)
        {
            Check<Vector512<float>, Lanes512>(columns, rows, seed);
            Check<Vector256<float>, Lanes256>(columns, rows, seed);
            Check<Vector128<float>, Lanes128>(columns, rows, seed);
        }

        static void Check<TVector, TLanes>(int columns, int rows, int seed)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            int stride = columns + Gap;
            using NativeBuffer<float> x = NativeBuffer.Normal(rows * stride, seed, 3);
            using NativeBuffer<float> weight = NativeBuffer.Normal(columns, seed + 1);
            using NativeBuffer<float> bias = NativeBuffer.Normal(columns, seed + 2);
            using var expected = new NativeBuffer<float>(rows * stride, Canary);
            using var actual = new NativeBuffer<float>(rows * stride, Canary);

            RmsNorm.Define(x.Pointer, stride, weight.Pointer, Epsilon, expected.Pointer, stride, columns, 0, rows);
            RmsNorm.Cpu<TVector, TLanes>(x.Pointer, stride, weight.Pointer, Epsilon, actual.Pointer, stride, columns, 0, rows);
            NativeBuffer.AssertClose(expected.Span, actual.Span, 2e-6);

            foreach (ref float value in x.Span)
                value += 5;
            LayerNorm.Define(x.Pointer, stride, weight.Pointer, bias.Pointer, Epsilon, expected.Pointer, stride, columns, 0, rows);
            LayerNorm.Cpu<TVector, TLanes>(
                x.Pointer, stride, weight.Pointer, bias.Pointer, Epsilon, actual.Pointer, stride, columns, 0, rows);
            // The mean carries an error of a few ulp of 5; a row of one or two columns divides it by nearly nothing.
            NativeBuffer.AssertClose(expected.Span, actual.Span, columns < 8 ? 2e-3 : 1e-5);
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_in_a_split_and_in_place()
    {
        Gen.Select(Gen.Int[1, 150], Gen.Int[2, 7], Gen.Int[0, 1 << 20]).Sample(
            (columns, rows, seed) =>
            {
                Check<Vector512<float>, Lanes512>(columns, rows, seed);
                Check<Vector256<float>, Lanes256>(columns, rows, seed);
                Check<Vector128<float>, Lanes128>(columns, rows, seed);
            },
            iter: 50);

        static void Check<TVector, TLanes>(int columns, int rows, int seed)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using NativeBuffer<float> x = NativeBuffer.Normal(rows * columns, seed);
            using NativeBuffer<float> weight = NativeBuffer.Normal(columns, seed + 1);
            using var together = new NativeBuffer<float>(rows * columns);
            using var apart = new NativeBuffer<float>(rows * columns);

            RmsNorm.Cpu<TVector, TLanes>(x.Pointer, columns, weight.Pointer, Epsilon, together.Pointer, columns, columns, 0, rows);
            for (int row = 0; row < rows; row++)
                RmsNorm.Cpu<TVector, TLanes>(x.Pointer, columns, weight.Pointer, Epsilon, apart.Pointer, columns, columns, row, 1);
            NativeBuffer.AssertSameBits(together.Span, apart.Span);

            using NativeBuffer<float> inPlace = x.Copy();
            RmsNorm.Cpu<TVector, TLanes>(
                inPlace.Pointer, columns, weight.Pointer, Epsilon, inPlace.Pointer, columns, columns, 0, rows);
            NativeBuffer.AssertSameBits(together.Span, inPlace.Span);

            LayerNorm.Cpu<TVector, TLanes>(
                x.Pointer, columns, weight.Pointer, weight.Pointer, Epsilon, together.Pointer, columns, columns, 0, rows);
            int split = 1 + (seed % (rows - 1));
            LayerNorm.Cpu<TVector, TLanes>(
                x.Pointer, columns, weight.Pointer, weight.Pointer, Epsilon, apart.Pointer, columns, columns, split, rows - split);
            LayerNorm.Cpu<TVector, TLanes>(
                x.Pointer, columns, weight.Pointer, weight.Pointer, Epsilon, apart.Pointer, columns, columns, 0, split);
            NativeBuffer.AssertSameBits(together.Span, apart.Span);
        }
    }

    [Fact]
    public void A_bad_number_spoils_its_own_row_only()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            const int Columns = 21;
            using NativeBuffer<float> x = NativeBuffer.Normal(3 * Columns, 1);
            using var one = new NativeBuffer<float>(Columns, 1);
            using var y = new NativeBuffer<float>(3 * Columns);
            x.Span[4] = float.NaN;
            x.Span[Columns + 20] = float.PositiveInfinity;

            RmsNorm.Cpu<TVector, TLanes>(x.Pointer, Columns, one.Pointer, Epsilon, y.Pointer, Columns, Columns, 0, 3);
            Assert.All(y.Span[..Columns].ToArray(), value => Assert.True(float.IsNaN(value)));
            Assert.True(float.IsNaN(y.Span[Columns + 20]));
            Assert.Equal(0f, y.Span[Columns]);
            Assert.All(y.Span[(2 * Columns)..].ToArray(), value => Assert.True(float.IsFinite(value)));

            LayerNorm.Cpu<TVector, TLanes>(x.Pointer, Columns, one.Pointer, one.Pointer, Epsilon, y.Pointer, Columns, Columns, 0, 3);
            Assert.All(y.Span[..(2 * Columns)].ToArray(), value => Assert.True(float.IsNaN(value)));
            Assert.All(y.Span[(2 * Columns)..].ToArray(), value => Assert.True(float.IsFinite(value)));
        }
    }
}
