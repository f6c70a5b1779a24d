namespace ChainOfSpot.Kernels.Tests;

/// <summary>What quantisers are measured on.</summary>
public static class WeightDistributions
{
    private const int Count = 256 * 200;

    private static readonly Dictionary<string, Func<Random, float>> Draws = new()
    {
        ["normal"] = random => (float)Normal(random),
        ["uniform"] = random => (2 * random.NextSingle()) - 1,
        ["Laplace"] = random => (float)((random.Next(2) == 0 ? 1 : -1) * Math.Log(1 - random.NextDouble())),
        ["Student t, 3 degrees"] = random =>
        {
            double squares = 0;
            for (int i = 0; i < 3; i++)
                squares += Math.Pow(Normal(random), 2);
            return (float)(Normal(random) / Math.Sqrt(squares / 3));
        },
        ["normal, every 64th 8 times as large"] = random => (float)(Normal(random) * (random.Next(64) == 0 ? 8 : 1)),
        ["normal, every 256th 30 times as large"] = random => (float)(Normal(random) * (random.Next(256) == 0 ? 30 : 1)),
        ["Cauchy"] = random => (float)(Normal(random) / Normal(random)),
        ["normal, mean 0.5"] = random => (float)(Normal(random) + 0.5),
        ["normal, magnitudes only"] = random => (float)Math.Abs(Normal(random)),
    };

    /// <summary>200 super-blocks of one of them, the same in every run.</summary>
    public static float[] Draw(string name)
    {
        Random random = new(7);
        var weights = new float[Count];
        foreach (ref float weight in weights.AsSpan())
            weight = Draws[name](random);
        return weights;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
