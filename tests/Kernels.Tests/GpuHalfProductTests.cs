namespace ChainOfSpot.Kernels.Tests;

/// <summary>
/// What docs/numerics.md says of a product on tensor cores, held against their arithmetic as it is known, without a GPU: operands
/// rounded to fp16, exact products, sums of 16 products and the fp32 accumulator cut, not rounded, to fp32.
/// </summary>
public sealed class GpuHalfProductTests
{
    private const int Outputs = 64;

    [Theory]
    [InlineData(48, false)]
    [InlineData(1024, false)]
    [InlineData(4096, true)]
    [InlineData(11008, true)]
    public void Rounding_the_operands_to_fp16_stays_within_the_bound(int k, bool halfWeights)
    {
        var random = new Random(k);
        double squaredErrors = 0;
        double squaredOutputs = 0;
        for (int output = 0; output < Outputs; output++)
        {
            double exact = 0;
            double sizes = 0;
            float sum = 0;
            for (int first = 0; first < k; first += 16)
            {
                double sixteen = sum;
                for (int i = 0; i < 16; i++)
                {
                    float a = Normal(random);
                    float w = 0.02f * Normal(random);
                    w = halfWeights ? (float)(Half)w : w;
                    exact += (double)a * w;
                    sizes += Math.Abs((double)a * w);
                    sixteen += (double)(float)(Half)a * (float)(Half)w;
                }
                sum = Cut(sixteen);
            }
            double operands = (halfWeights ? 0.5 : 1) * sizes / 1024;
            // A number below the smallest normal half is rounded to a multiple of 2^-24.
            double subnormals = k * (4 + 0.1) / (1 << 25);
            double additions = k / 16.0 * sizes / (1 << 23);
            Assert.InRange(sum - exact, -(operands + subnormals + additions), operands + subnormals + additions);
            squaredErrors += (sum - exact) * (sum - exact);
            squaredOutputs += exact * exact;
        }
        double relative = Math.Sqrt(squaredErrors / squaredOutputs);
        double expected = halfWeights ? 2.1e-4 : 2.9e-4;
        Assert.InRange(relative, 0.7 * expected, 1.4 * expected);
    }

    /// <summary>The fp32 number next to a sum, towards zero.</summary>
    private static float Cut(double value)
    {
        float nearest = (float)value;
        return Math.Abs((double)nearest) > Math.Abs(value) ? (nearest > 0 ? MathF.BitDecrement(nearest) : MathF.BitIncrement(nearest)) : nearest;
    }

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
