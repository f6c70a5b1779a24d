using System.Numerics;

namespace ChainOfSpot.Sessions;

/// <summary>Probabilities of tokens: softmax of the logits, computed on the host.</summary>
internal static class Probability
{
    /// <summary>The natural logarithm of a token's probability; NaN where a logit is no number.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="token">The token.</param>
    public static double LogOf(ReadOnlySpan<float> logits, int token)
    {
        float largest = Largest(logits);
        var most = new Vector<float>(largest);
        Vector<float> sums = Vector<float>.Zero;
        int i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
            sums += Vector.Exp(new Vector<float>(logits[i..]) - most);
        double sum = Vector.Sum(sums);
        for (; i < logits.Length; i++)
            sum += MathF.Exp(logits[i] - largest);
        return (double)logits[token] - largest - Math.Log(sum);
    }

    private static float Largest(ReadOnlySpan<float> logits)
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (logits.Length >= Vector<float>.Count)
        {
            var most = new Vector<float>(float.NegativeInfinity);
            for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
                most = Vector.Max(most, new Vector<float>(logits[i..]));
            for (int lane = 0; lane < Vector<float>.Count; lane++)
                largest = MathF.Max(largest, most[lane]);
        }
        for (; i < logits.Length; i++)
            largest = MathF.Max(largest, logits[i]);
        return largest;
    }
}
