namespace ChainOfSpot.Sessions;

/// <summary>
/// Draws tokens: softmax(logits / temperature), cut to the fewest most likely tokens whose probabilities reach top-p. Of one
/// question; the numbers that it draws with are those of SplitMix64 from a seed, the same on every machine.
/// </summary>
internal sealed class Sampler(float temperature, float topP, long seed)
{
    private ulong _state = (ulong)seed;
    private double[] _probabilities = [];
    private int[] _ids = [];

    /// <summary>The sampler that options ask for; null for greedy decoding.</summary>
    public static Sampler? Of(AskOptions options) => options.Temperature == 0
        ? null
        : new Sampler(options.Temperature, options.TopP, options.Seed ?? Random.Shared.NextInt64());

    /// <summary>Draws a token by its logits [vocabulary]; -1 where none of them is a number.</summary>
    public int Draw(ReadOnlySpan<float> logits)
    {
        if (_ids.Length < logits.Length)
        {
            _ids = new int[logits.Length];
            _probabilities = new double[logits.Length];
        }
        double sum = Weigh(logits);
        if (sum == 0)
            return -1;
        int count = logits.Length;
        Span<double> probabilities = _probabilities.AsSpan(0, count);
        Span<int> ids = _ids.AsSpan(0, count);
        if (topP < 1)
        {
            // Least likely first; of equals the later id first, so that the lower id stays longer.
            for (int i = 0; i < count; i++)
                ids[i] = count - 1 - i;
            probabilities.Reverse();
            MemoryExtensions.Sort(probabilities, ids);
            double dropped = 0;
            int first = 0;
            while (first < count - 1 && dropped + probabilities[first] <= (1 - (double)topP) * sum)
                dropped += probabilities[first++];
            sum -= dropped;
            probabilities = probabilities[first..];
            ids = ids[first..];
        }
        else
        {
            for (int i = 0; i < count; i++)
                ids[i] = i;
        }
        double at = NextUnit() * sum;
        int last = -1;
        for (int i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] == 0)
                continue;
            last = ids[i];
            at -= probabilities[i];
            if (at < 0)
                break;
        }
        return last;
    }

    /// <summary>Fills in exp((logit - largest) / temperature) and returns the sum.</summary>
    private double Weigh(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            if (logit > largest)
                largest = logit;
        }
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            double weight = logits[i] == largest ? 1 : float.IsNaN(logits[i]) ? 0 : Math.Exp((logits[i] - largest) / temperature);
            _probabilities[i] = weight;
            sum += weight;
        }
        return sum;
    }

    /// <summary>A number from 0 up to 1, without 1.</summary>
    private double NextUnit()
    {
        const int MantissaBits = 53;
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (z >> (64 - MantissaBits)) * (1.0 / (1UL << MantissaBits));
    }
}
