using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class SamplingTests
{
    // Few distinct values, so that ties are common; NaN and infinities among them.
    private static readonly Gen<float> Values = Gen.Frequency(
        (20, Gen.Int[-40, 40].Select(i => i / 4f)),
        (1, Gen.OneOf(float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1e30f)));

    [Fact]
    public void ArgMax_and_top_k_agree_with_their_definitions()
    {
        Gen.Select(Values.Array[0, 2500], Gen.Int[0, 40]).Sample(
            (values, k) =>
            {
                Check<Vector512<float>, Lanes512>(values, k);
                Check<Vector256<float>, Lanes256>(values, k);
                Check<Vector128<float>, Lanes128>(values, k);
            },
            iter: 200);
    }

    [Fact]
    public void A_vocabulary_of_logits_with_its_maximum_anywhere()
    {
        using NativeBuffer<float> logits = NativeBuffer.Normal(32000, 1, 3);
        float[] values = logits.Span.ToArray();
        foreach (int place in new[] { 0, 511, 512, 4095, 31999 })
        {
            values[place] = 100 + place;
            values[31998] = float.NaN;
            Check<Vector512<float>, Lanes512>(values, 50);
            Check<Vector256<float>, Lanes256>(values, 50);
            Check<Vector128<float>, Lanes128>(values, 50);
        }
    }

    [Fact]
    public void A_row_without_numbers_has_no_maximum()
    {
        var values = new float[700];
        Array.Fill(values, float.NaN);
        Check<Vector512<float>, Lanes512>(values, 3);
        Check<Vector512<float>, Lanes512>([], 3);
        fixed (float* x = values)
            Assert.Equal(-1, ArgMax.Cpu<Vector256<float>, Lanes256>(x, values.Length));
    }

    private static void Check<TVector, TLanes>(float[] values, int k)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        float* topValues = stackalloc float[k];
        int* topIndices = stackalloc int[k];
        fixed (float* x = values)
        {
            int best = ArgMax.Define(x, values.Length);
            Assert.Equal(best, ArgMax.Cpu<TVector, TLanes>(x, values.Length));
            int[] expected = TopK.Define(x, values.Length, k);
            int found = TopK.Cpu<TVector, TLanes>(x, values.Length, k, topValues, topIndices);
            Assert.Equal(expected, new ReadOnlySpan<int>(topIndices, found).ToArray());
            Assert.Equal(expected.Select(i => values[i]), new ReadOnlySpan<float>(topValues, found).ToArray());
            Assert.Equal(k > 0 ? best : -1, found > 0 ? topIndices[0] : -1);
        }
    }
}
