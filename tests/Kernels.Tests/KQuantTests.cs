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

    // Root mean square errors that ggml's reference quantisers leave on the same weights, as shares of the weights' own.
    [Theory]
    [InlineData("normal", 0.29909, 0.15132, 0.07143, 0.03623, 0.01784)]
    [InlineData("uniform", 0.23374, 0.12485, 0.05446, 0.02769, 0.01322)]
    [InlineData("Laplace", 0.34505, 0.17761, 0.08485, 0.04311, 0.02175)]
    [InlineData("Student t, 3 degrees", 0.34505, 0.18535, 0.09279, 0.04714, 0.02598)]
    [InlineData("normal, every 64th 8 times as large", 0.34072, 0.19829, 0.09370, 0.04748, 0.02731)]
    [InlineData("normal, every 256th 30 times as large", 0.24510, 0.12424, 0.08997, 0.04858, 0.03144)]
    [InlineData("Cauchy", 0.15149, 0.04290, 0.03681, 0.02388, 0.01268)]
    [InlineData("normal, mean 0.5", 0.26162, 0.14722, 0.06369, 0.03218, 0.01761)]
    [InlineData("normal, magnitudes only", 0.18871, 0.14569, 0.04232, 0.02084, 0.01781)]
    public void The_error_is_at_most_that_of_ggml_and_a_fiftieth(string distribution, double q2, double q3, double q4, double q5, double q6)
    {
        float[] weights = WeightDistributions.Draw(distribution);
        double squares = weights.Sum(w => (double)w * w);
        foreach ((ElementType type, double reference) in (ReadOnlySpan<(ElementType, double)>)
            [(ElementType.Q2_K, q2), (ElementType.Q3_K, q3), (ElementType.Q4_K, q4), (ElementType.Q5_K, q5), (ElementType.Q6_K, q6)])
        {
            double error = Math.Sqrt(Error(type, weights) / squares);
            Assert.True(error <= 1.02 * reference && error > reference / 4, $"{type}: {error}, ggml {reference}");
        }
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
