using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class FullAttentionTests
{
    private const int Gap = 3;

    [Fact]
    public void Full_attention_agrees_with_the_definition_and_with_any_split()
    {
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 90], Gen.Int[1, 3], Gen.OneOf(5, 12, 16, 32, 48, 64, 80), Gen.Int[0, 1 << 20]).Sample(
            (images, rows, heads, headDim, seed) =>
            {
                Check<Vector512<float>, Lanes512>(images, rows, heads, headDim, seed);
                Check<Vector256<float>, Lanes256>(images, rows, heads, headDim, seed);
                Check<Vector128<float>, Lanes128>(images, rows, heads, headDim, seed);
            },
            iter: 40);

        static void Check<TVector, TLanes>(int images, int rows, int heads, int headDim, int seed)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using NativeBuffer<float> qkv = NativeBuffer.Normal((long)images * rows * ((3 * heads * headDim) + Gap), seed, 1.5);
            float[] together = Run<TVector, TLanes>(qkv, images, rows, heads, headDim, rows);
            NativeBuffer.AssertSameBits(together, Run<TVector, TLanes>(qkv, images, rows, heads, headDim, 1));
            NativeBuffer.AssertSameBits(together, Run<TVector, TLanes>(qkv, images, rows, heads, headDim, 1 + (seed % 31)));
            FullAttentionArguments arguments = Arguments(qkv, null, rows, heads, headDim);
            var expected = new float[headDim];
            for (int row = 0; row < images * rows; row++)
            {
                for (int head = 0; head < heads; head++)
                {
                    FullAttention.Define(arguments, row, head, expected);
                    NativeBuffer.AssertClose(
                        expected, together.AsSpan((row * ((heads * headDim) + Gap)) + (head * headDim), headDim), ErrorBound(arguments, row, head));
                }
            }
        }
    }

    [Fact]
    public void A_clip_large_layer_agrees_on_random_outputs()
    {
        const int Rows = 577, Heads = 16, HeadDim = 64;
        using NativeBuffer<float> qkv = NativeBuffer.Normal((long)Rows * ((3 * Heads * HeadDim) + Gap), 1, 1.5);
        Check<Vector512<float>, Lanes512>(qkv);
        Check<Vector256<float>, Lanes256>(qkv);
        Check<Vector128<float>, Lanes128>(qkv);

        static void Check<TVector, TLanes>(NativeBuffer<float> qkv)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            var random = new Random(1);
            float[] output = Run<TVector, TLanes>(qkv, 1, Rows, Heads, HeadDim, 100);
            FullAttentionArguments arguments = Arguments(qkv, null, Rows, Heads, HeadDim);
            var expected = new float[HeadDim];
            for (int i = 0; i < 512; i++)
            {
                int row = random.Next(Rows);
                int head = random.Next(Heads);
                FullAttention.Define(arguments, row, head, expected);
                NativeBuffer.AssertClose(
                    expected, output.AsSpan((row * ((Heads * HeadDim) + Gap)) + (head * HeadDim), HeadDim), ErrorBound(arguments, row, head));
            }
        }
    }

    /// <summary>
    /// What fp32 may differ by. A score is off by about u times the sum of its terms' magnitudes, a weight by as much of itself
    /// and a normaliser by as much again, so that an output is off by 2 u (S + 2) max |v| (u = 2^-24).
    /// </summary>
    private static double ErrorBound(in FullAttentionArguments arguments, int row, int head)
    {
        int firstRow = row / arguments.ImageRows * arguments.ImageRows;
        double largestScore = 0;
        double largestValue = 0;
        for (int j = firstRow; j < firstRow + arguments.ImageRows; j++)
        {
            double score = 0;
            for (int d = 0; d < arguments.HeadDim; d++)
            {
                score += Math.Abs((double)arguments.Part(0, row, head)[d] * arguments.Part(1, j, head)[d]);
                largestValue = Math.Max(largestValue, Math.Abs(arguments.Part(2, j, head)[d]));
            }
            largestScore = Math.Max(largestScore, score / Math.Sqrt(arguments.HeadDim));
        }
        return Math.ScaleB(2 * (largestScore + 2) * largestValue, -24);
    }

    private static FullAttentionArguments Arguments(NativeBuffer<float> qkv, float* output, int rows, int heads, int headDim) => new()
    {
        Qkv = qkv.Pointer,
        QkvStride = (3 * heads * headDim) + Gap,
        Output = output,
        OutputStride = (heads * headDim) + Gap,
        ImageRows = rows,
        Heads = heads,
        HeadDim = headDim,
    };

    private static float[] Run<TVector, TLanes>(NativeBuffer<float> qkv, int images, int rows, int heads, int headDim, int rowsATask)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        using var output = new NativeBuffer<float>((long)images * rows * ((heads * headDim) + Gap));
        using var packed = new NativeBuffer<float>(FullAttention.PackedFloats(rows, headDim), float.NaN);
        using var workspace = new NativeBuffer<float>(FullAttention.WorkspaceFloats(headDim), float.NaN);
        FullAttentionArguments arguments = Arguments(qkv, output.Pointer, rows, heads, headDim);
        for (int task = 0; task < images * heads; task++)
        {
            (int image, int head) = Math.DivRem(task, heads);
            FullAttention.PackKeysAndValues(arguments, image, head, packed.Pointer);
            for (int row = 0; row < rows; row += rowsATask)
            {
                FullAttention.Cpu<TVector, TLanes>(
                    arguments, image, head, row, Math.Min(rowsATask, rows - row), packed.Pointer, workspace.Pointer);
            }
        }
        return output.Span.ToArray();
    }
}
