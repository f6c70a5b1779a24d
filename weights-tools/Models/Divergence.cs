namespace ChainOfSpot.WeightsTools.Models;

/// <summary>How far a model's predictions are from a reference's, summed up over positions.</summary>
/// <param name="vocabulary">The pieces that are compared; rows of the head behind them are padding.</param>
internal sealed class Divergence(int vocabulary)
{
    private double _kl;
    private double _referenceLoss;
    private double _loss;
    private int _sameTop;

    /// <summary>Positions so far.</summary>
    public int Positions { get; private set; }

    /// <summary>Mean of KL(P ‖ Q) = Σ p ln(p / q) in nats, P the reference's distribution of the next id.</summary>
    public double MeanKl => _kl / Positions;

    /// <summary>The largest KL(P ‖ Q) of a position.</summary>
    public double LargestKl { get; private set; }

    /// <summary>Share of the positions at which both think the same id the likeliest.</summary>
    public double TopAgreement => (double)_sameTop / Positions;

    /// <summary>exp of the mean -ln p of the ids that did follow, by the reference.</summary>
    public double ReferencePerplexity => Math.Exp(_referenceLoss / Positions);

    /// <summary>The same by the other model.</summary>
    public double Perplexity => Math.Exp(_loss / Positions);

    /// <summary>The largest difference of a logit.</summary>
    public double LargestLogitDifference { get; private set; }

    /// <summary>Adds a position.</summary>
    /// <param name="reference">The reference's logits.</param>
    /// <param name="other">The other model's.</param>
    /// <param name="next">The id that did follow.</param>
    public void Add(ReadOnlySpan<float> reference, ReadOnlySpan<float> other, int next)
    {
        reference = reference[..vocabulary];
        other = other[..vocabulary];
        double p = LogNormalizer(reference, out int referenceTop);
        double q = LogNormalizer(other, out int top);
        double kl = 0;
        for (int id = 0; id < vocabulary; id++)
        {
            kl += Math.Exp(reference[id] - p) * (reference[id] - p - (other[id] - q));
            LargestLogitDifference = Math.Max(LargestLogitDifference, Math.Abs((double)reference[id] - other[id]));
        }
        // Rounding may leave a negative zero of two equal distributions.
        kl = Math.Max(0, kl);
        _kl += kl;
        LargestKl = Math.Max(LargestKl, kl);
        _sameTop += referenceTop == top ? 1 : 0;
        _referenceLoss += p - reference[next];
        _loss += q - other[next];
        Positions++;
    }

    /// <summary>ln Σ exp(logit).</summary>
    private static double LogNormalizer(ReadOnlySpan<float> logits, out int top)
    {
        top = 0;
        for (int id = 1; id < logits.Length; id++)
        {
            if (logits[id] > logits[top])
                top = id;
        }
        double largest = logits[top];
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum);
    }
}
