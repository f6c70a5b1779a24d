using ChainOfSpot.Kernels.Quantization;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class KQuantTests
{
    public static TheoryData<ElementType> KQuants =>
        [ElementType.Q2_K, ElementType.Q3_K, ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K];

    [Theory]
    [MemberData(nameof(KQuants))]
    public void The_error_is_never_above_plain_rounding(ElementType type)
    {
        Gen<float> weight = Gen.Frequency(
            (6, Gen.Float[-1, 1]), (2, Gen.Float[0, 1]), (1, Gen.Float[-100, 100]), (1, Gen.Const(0f)), (1, Gen.Float[-1e-7f, 1e-7f]));
        Gen.Select(weight.Array[256], Gen.Float[-1, 1]).Sample(
            (weights, shift) =>
            {
                float[] shifted = [.. weights.Select(w => w + shift)];
                return Error(type, shifted) <= PlainError(type, shifted) * (1 + 1e-6);
            },
            iter: 300, threads: 1);
    }

    // The bounds are 1.02 × what ggml's reference quantisers leave on normal weights.
    [Theory]
    [InlineData(ElementType.Q2_K, 1.02 * 0.29730)]
    [InlineData(ElementType.Q3_K, 1.02 * 0.15055)]
    [InlineData(ElementType.Q4_K, 1.02 * 0.07101)]
    [InlineData(ElementType.Q5_K, 1.02 * 0.03608)]
    [InlineData(ElementType.Q6_K, 1.02 * 0.01778)]
    public void Normal_weights_keep_their_precision(ElementType type, double bound)
    {
        Random random = new(7);
        var weights = new float[256 * 100];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        Assert.InRange(Math.Sqrt(Error(type, weights) / weights.Sum(w => (double)w * w)), bound / 2, bound);
    }

    [Theory]
    [MemberData(nameof(KQuants))]
    public void Zeros_stay_zero_and_extremes_stay_finite(ElementType type)
    {
        Assert.All(Restore(type, new float[256]), weight => Assert.Equal(0, weight));
        foreach (float extreme in (float[])[1e-12f, -1e-12f, 1e30f, -1e30f, float.MaxValue])
        {
            float[] weights = [.. Enumerable.Range(0, 256).Select(i => i % 3 * (extreme / 2))];
            Assert.All(Restore(type, weights), weight => Assert.True(float.IsFinite(weight)));
        }
    }

    private static float[] Restore(ElementType type, float[] weights)
    {
        var blocks = new byte[type.RowBytes(weights.Length)];
        var restored = new float[weights.Length];
        fixed (float* source = weights, destination = restored)
        fixed (byte* row = blocks)
        {
            Quantize.Row(type, source, weights.Length, row);
            Dequantize.Row(type, row, weights.Length, destination);
        }
        return restored;
    }

    private static double Error(ElementType type, float[] weights) =>
        weights.Zip(Restore(type, weights), (weight, restored) => Math.Pow((double)weight - restored, 2)).Sum();

    // Each group between its extremes, its scale and minimum as the nearest multiples of a sixteen-bit one, each quant the nearest.
    private static double PlainError(ElementType type, float[] weights)
    {
        (int size, int smallestQuant, int largestQuant, int smallestScale, int largestScale) = type switch
        {
            ElementType.Q2_K => (16, 0, 3, 0, 15),
            ElementType.Q3_K => (16, -4, 3, -32, 31),
            ElementType.Q4_K => (32, 0, 15, 0, 63),
            ElementType.Q5_K => (32, 0, 31, 0, 63),
            _ => (16, -32, 31, -128, 127),
        };
        float[][] groups = [.. weights.Chunk(size)];
        bool hasMinima = smallestQuant == 0;
        float[] minima = [.. groups.Select(group => hasMinima ? Math.Max(0, -group.Min()) : 0)];
        float[] scales = [.. groups.Select((group, g) => hasMinima
            ? Math.Max(0, group.Max() + minima[g]) / largestQuant
            : group.MaxBy(MathF.Abs) / smallestQuant)];
        float scaleUnit = (float)(Half)(scales.MaxBy(MathF.Abs) / (hasMinima ? largestScale : smallestScale));
        float minimumUnit = (float)(Half)(minima.Max() / largestScale);
        double error = 0;
        for (int g = 0; g < groups.Length; g++)
        {
            float scale = scaleUnit * Nearest(scales[g], scaleUnit, smallestScale, largestScale);
            float minimum = minimumUnit * Nearest(minima[g], minimumUnit, 0, largestScale);
            error += groups[g].Sum(w => Math.Pow(scale * Nearest(w + minimum, scale, smallestQuant, largestQuant) - minimum - w, 2));
        }
        return error;
    }

    private static float Nearest(float value, float unit, int smallest, int largest) =>
        unit == 0 ? 0 : Math.Clamp(MathF.Round(value / unit), smallest, largest);
}
