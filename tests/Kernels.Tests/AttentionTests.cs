using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class AttentionTests
{
    private const double Tolerance = 5e-6;

    private static readonly Gen<(int Heads, int KvHeads, int HeadDim)> Shapes = Gen.OneOf(
        (4, 4, 16), (4, 2, 24), (6, 1, 12), (2, 2, 80), (8, 2, 64), (2, 1, 128), (1, 1, 7), (28, 1, 16), (3, 3, 32), (5, 1, 48));

    [Fact]
    public void Attention_agrees_with_the_definition()
    {
        Gen.Select(Shapes, Gen.Select(Gen.Int[0, 200], Gen.Int[1, 40]).Array[1, 3], Gen.Int[0, 1 << 20]).Sample(
            (shape, sequences, seed) =>
            {
                using var @case = new PagedCase(shape.Heads, shape.KvHeads, shape.HeadDim, seed, sequences);
                Check<Vector512<float>, Lanes512>(@case);
                Check<Vector256<float>, Lanes256>(@case);
                Check<Vector128<float>, Lanes128>(@case);
            },
            iter: 60);

        static void Check<TVector, TLanes>(PagedCase @case)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            Attend<TVector, TLanes>(@case, int.MaxValue);
            int heads = @case.Arguments.Heads;
            var expected = new float[@case.Arguments.HeadDim];
            for (int row = 0; row < @case.Rows; row++)
            {
                for (int head = 0; head < heads; head++)
                {
                    double logSumExp = Attention.Define(@case.Arguments, row, head, expected);
                    NativeBuffer.AssertClose(expected, @case.OutputOf(row, head), Tolerance);
                    Assert.Equal(logSumExp, @case.LogSumExp.Span[(row * heads) + head], Tolerance * Math.Max(1, Math.Abs(logSumExp)));
                }
            }
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_and_in_any_split()
    {
        Gen.Select(Shapes, Gen.Int[0, 150], Gen.Int[1, 40], Gen.Int[1, 9], Gen.Int[0, 1 << 20]).Sample(
            (shape, before, rows, split, seed) =>
            {
                using var @case = new PagedCase(shape.Heads, shape.KvHeads, shape.HeadDim, seed, (before, rows), (17, 2));
                Check<Vector512<float>, Lanes512>(@case, split);
                Check<Vector256<float>, Lanes256>(@case, split);
                Check<Vector128<float>, Lanes128>(@case, split);
            },
            iter: 60);

        static void Check<TVector, TLanes>(PagedCase @case, int split)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            Attend<TVector, TLanes>(@case, int.MaxValue);
            float[] together = @case.Output.Span.ToArray();
            float[] logSumExp = @case.LogSumExp.Span.ToArray();
            foreach (int rowsATask in new[] { 1, split })
            {
                @case.Output.Span.Clear();
                Attend<TVector, TLanes>(@case, rowsATask);
                NativeBuffer.AssertSameBits(together, @case.Output.Span);
                NativeBuffer.AssertSameBits(logSumExp, @case.LogSumExp.Span);
            }
        }
    }

    [Fact]
    public void Pages_and_other_sequences_change_no_bit()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using var alone = new PagedCase(4, 2, 24, 5, (90, 10));
            using var among = new PagedCase(4, 2, 24, 5, (90, 10), (300, 3), (0, 1));
            Attend<TVector, TLanes>(alone, int.MaxValue);
            Attend<TVector, TLanes>(among, int.MaxValue);
            NativeBuffer.AssertSameBits(alone.Output.Span, among.Output.Span[..alone.Output.Length]);
        }
    }

    [Fact]
    public void Vicuna_sized_attention_agrees_on_random_outputs()
    {
        using var prefill = new PagedCase(32, 32, 128, 1, (660, 640));
        using var decode = new PagedCase(32, 8, 128, 2, (1299, 1), (1298, 2), (700, 7));
        foreach (PagedCase @case in new[] { prefill, decode })
        {
            Check<Vector512<float>, Lanes512>(@case, @case == prefill ? 512 : 64);
            Check<Vector256<float>, Lanes256>(@case, 64);
            Check<Vector128<float>, Lanes128>(@case, 64);
        }

        static void Check<TVector, TLanes>(PagedCase @case, int samples)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            var random = new Random(samples);
            Attend<TVector, TLanes>(@case, 96);
            var expected = new float[128];
            for (int i = 0; i < samples; i++)
            {
                int row = random.Next(@case.Rows);
                int head = random.Next(32);
                Attention.Define(@case.Arguments, row, head, expected);
                NativeBuffer.AssertClose(expected, @case.OutputOf(row, head), Tolerance);
            }
        }
    }

    [Fact]
    public void A_bad_query_spoils_its_own_row_and_an_overflowed_score_counts_as_nothing()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using var @case = new PagedCase(2, 2, 16, 3, (70, 8));
            Attend<TVector, TLanes>(@case, int.MaxValue);
            float[] good = @case.Output.Span.ToArray();
            @case.QueryOf(4)[20] = float.NaN;
            Attend<TVector, TLanes>(@case, int.MaxValue);
            for (int row = 0; row < 8; row++)
            {
                int start = row * (int)@case.Arguments.OutputStride;
                if (row != 4)
                    NativeBuffer.AssertSameBits(good.AsSpan(start, 32), @case.Output.Span.Slice(start, 32));
            }
            Assert.All(@case.OutputOf(4, 1).ToArray(), value => Assert.True(float.IsNaN(value)));
            NativeBuffer.AssertSameBits(good.AsSpan(4 * (int)@case.Arguments.OutputStride, 16), @case.OutputOf(4, 0));

            // In the first tile every score of head 0 overflows to -infinity; the second tile decides alone.
            float* k = KvLayout.Tile((float*)@case.Arguments.KPool, @case.Arguments.PageTable[0], 2, 0, 16);
            @case.QueryOf(0)[..16].Fill(1);
            new Span<float>(k, KvLayout.TileFloats(16)).Fill(-3e38f);
            Attend<TVector, TLanes>(@case, int.MaxValue);
            var expected = new float[16];
            Attention.Define(@case.Arguments, 0, 0, expected);
            NativeBuffer.AssertClose(expected, @case.OutputOf(0, 0), Tolerance);
        }
    }

    private static void Attend<TVector, TLanes>(PagedCase @case, int rowsATask)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        AttentionArguments arguments = @case.Arguments;
        using var workspace = new NativeBuffer<float>(Attention.WorkspaceFloats(arguments.HeadDim), float.NaN);
        int firstRow = 0;
        foreach ((int _, int rows) in @case.Sequences)
        {
            for (int row = 0; row < rows; row += Math.Min(rowsATask, rows))
            {
                for (int kvHead = 0; kvHead < arguments.KvHeads; kvHead++)
                {
                    Attention.Cpu<TVector, TLanes>(
                        arguments, firstRow + row, Math.Min(rowsATask, rows - row), kvHead, workspace.Pointer);
                }
            }
            firstRow += rows;
        }
    }
}
