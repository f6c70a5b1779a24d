using System.Runtime.Intrinsics;

namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// The integers that a K-quant format has for a super-block of 256 weights in groups: w = (d s[g]) q - (m t[g]).
/// Formats without minima have <paramref name="LargestMinimum"/> 0 and quants of both signs.
/// </summary>
/// <param name="GroupSize">Weights in a group.</param>
/// <param name="SmallestQuant">Smallest q.</param>
/// <param name="LargestQuant">Largest q.</param>
/// <param name="SmallestScale">Smallest s.</param>
/// <param name="LargestScale">Largest s.</param>
/// <param name="LargestMinimum">Largest t; the smallest is 0.</param>
internal sealed record KQuantLevels(
    int GroupSize, int SmallestQuant, int LargestQuant, int SmallestScale, int LargestScale, int LargestMinimum)
{
    public int GroupCount => KQuantFit.WeightCount / GroupSize;

    public bool HasMinima => LargestMinimum > 0;
}

/// <summary>One choice of every number of a super-block, and its squared error.</summary>
internal unsafe struct KQuantFit
{
    public const int WeightCount = 256;
    public const int MaxGroups = 16;

    public Half Scale;
    public Half MinimumScale;
    public fixed int GroupScales[MaxGroups];
    public fixed int GroupMinima[MaxGroups];

    /// <summary>The quants, whole numbers; floats, because all arithmetic on them is.</summary>
    public fixed float Quants[WeightCount];

    public fixed float GroupErrors[MaxGroups];

    public readonly double Error
    {
        get
        {
            double sum = 0;
            for (int group = 0; group < MaxGroups; group++)
                sum += GroupErrors[group];
            return sum;
        }
    }
}

/// <summary>
/// Chooses the integers of a super-block so that the squared error Σ (w - ŵ)² is small. Start: plain rounding between the extremes
/// of each group. Then each group tries a range of steps around that, each refined by least squares; the group scales are
/// rounded to multiples of d (and the minima of m); each group then tries the neighbours of its rounded scale and minimum, and d
/// and m are refined by least squares over the whole super-block. The better one of start and end wins, so that the error is
/// never above that of plain rounding. Sums are taken in a fixed order without fused operations: the bytes are the same on every
/// CPU.
/// </summary>
internal static unsafe class KQuantSearch
{
    private const int MaxRounds = 4;

    public static void Fit(KQuantLevels levels, float* weights, KQuantFit* best)
    {
        RoundPlainly(levels, weights, best);
        float* scales = stackalloc float[KQuantFit.MaxGroups];
        float* minima = stackalloc float[KQuantFit.MaxGroups];
        for (int group = 0; group < levels.GroupCount; group++)
            (scales[group], minima[group]) = SearchGroup(levels, weights + group * levels.GroupSize);
        KQuantFit searched;
        RoundScales(levels, weights, scales, minima, &searched);
        Refine(levels, weights, &searched);
        if (searched.Error < best->Error)
            *best = searched;
    }

    /// <summary>The start of the search: nearest quants between the extremes of each group.</summary>
    public static void RoundPlainly(KQuantLevels levels, float* weights, KQuantFit* fit)
    {
        float* scales = stackalloc float[KQuantFit.MaxGroups];
        float* minima = stackalloc float[KQuantFit.MaxGroups];
        for (int group = 0; group < levels.GroupCount; group++)
            (scales[group], minima[group]) = SpanExtremes(levels, weights + group * levels.GroupSize);
        RoundScales(levels, weights, scales, minima, fit);
    }

    /// <summary>Step and minimum with which the extremes of a group become the extreme quants.</summary>
    private static (float Scale, float Minimum) SpanExtremes(KQuantLevels levels, float* weights)
    {
        if (!levels.HasMinima)
            return (RoundToNearest.LargestMagnitude(weights, levels.GroupSize) / levels.SmallestQuant, 0);
        (float smallest, float largest) = RoundToNearest.Range(weights, levels.GroupSize);
        float minimum = Math.Max(0, -smallest);
        return (Math.Max(0, largest + minimum) / levels.LargestQuant, minimum);
    }

    private static (float Scale, float Minimum) SearchGroup(KQuantLevels levels, float* weights)
    {
        float* quants = stackalloc float[levels.GroupSize];
        (float scale, float minimum) = SpanExtremes(levels, weights);
        if (scale == 0)
            return (scale, minimum);
        float error = Quantize(levels, weights, scale, minimum, quants);
        float span = levels.HasMinima ? levels.LargestQuant : -levels.SmallestQuant;
        float spanScale = scale;
        float spanMinimum = minimum;
        for (int sign = 1; sign >= (levels.HasMinima ? 1 : -1); sign -= 2)
        {
            for (int step = -10; step <= 10; step++)
            {
                // A few quants more or fewer for the same span: the extremes are cut off, or levels are left over.
                float tried = sign * spanScale * span / (span + 0.1f * step);
                Quantize(levels, weights, tried, spanMinimum, quants);
                (tried, float triedMinimum) = LeastSquares(levels, weights, quants);
                if (levels.HasMinima && tried < 0)
                    continue;
                float triedError = Quantize(levels, weights, tried, triedMinimum, quants);
                if (triedError < error)
                    (scale, minimum, error) = (tried, triedMinimum, triedError);
            }
        }
        return (scale, minimum);
    }

    /// <summary>The nearest quants for a step and a minimum.</summary>
    /// <returns>The squared error.</returns>
    private static float Quantize(KQuantLevels levels, float* weights, float scale, float minimum, float* quants)
    {
        Vector256<float> inverse = Vector256.Create(RoundToNearest.Inverse(scale));
        Vector256<float> smallest = Vector256.Create((float)levels.SmallestQuant);
        Vector256<float> largest = Vector256.Create((float)levels.LargestQuant);
        Vector256<float> sum = Vector256<float>.Zero;
        for (int i = 0; i < levels.GroupSize; i += Vector256<float>.Count)
        {
            Vector256<float> weight = Vector256.Load(weights + i);
            Vector256<float> quant = Vector256.Round((weight + Vector256.Create(minimum)) * inverse);
            quant = Vector256.Min(Vector256.Max(quant, smallest), largest);
            quant.Store(quants + i);
            Vector256<float> difference = quant * scale - Vector256.Create(minimum) - weight;
            sum += difference * difference;
        }
        return Vector256.Sum(sum);
    }

    /// <summary>The step and the minimum (not below 0) that suit given quants best.</summary>
    private static (float Scale, float Minimum) LeastSquares(KQuantLevels levels, float* weights, float* quants)
    {
        Vector256<float> q = Vector256<float>.Zero, qq = q, w = q, wq = q;
        for (int i = 0; i < levels.GroupSize; i += Vector256<float>.Count)
        {
            Vector256<float> weight = Vector256.Load(weights + i);
            Vector256<float> quant = Vector256.Load(quants + i);
            q += quant;
            qq += quant * quant;
            w += weight;
            wq += weight * quant;
        }
        float sumQ = Vector256.Sum(q), sumQQ = Vector256.Sum(qq), sumW = Vector256.Sum(w), sumWQ = Vector256.Sum(wq);
        float determinant = levels.GroupSize * sumQQ - sumQ * sumQ;
        if (levels.HasMinima && determinant > 0)
        {
            float minimum = (sumQ * sumWQ - sumQQ * sumW) / determinant;
            if (minimum > 0)
                return ((levels.GroupSize * sumWQ - sumQ * sumW) / determinant, minimum);
        }
        return (sumQQ == 0 ? 0 : sumWQ / sumQQ, 0);
    }

    /// <summary>Writes steps and minima as multiples of d and m, and the nearest quants for these.</summary>
    private static void RoundScales(KQuantLevels levels, float* weights, float* scales, float* minima, KQuantFit* fit)
    {
        *fit = default;
        float largestScale = RoundToNearest.LargestMagnitude(scales, levels.GroupCount);
        fit->Scale = RoundToHalf(largestScale / (levels.HasMinima ? levels.LargestScale : levels.SmallestScale));
        if (levels.HasMinima)
            fit->MinimumScale = RoundToHalf(RoundToNearest.LargestMagnitude(minima, levels.GroupCount) / levels.LargestMinimum);
        float inverseScale = RoundToNearest.Inverse((float)fit->Scale);
        float inverseMinimum = RoundToNearest.Inverse((float)fit->MinimumScale);
        for (int group = 0; group < levels.GroupCount; group++)
        {
            int scale = (int)MathF.Round(Math.Clamp(scales[group] * inverseScale, levels.SmallestScale, levels.LargestScale));
            int minimum = (int)MathF.Round(Math.Clamp(minima[group] * inverseMinimum, 0, levels.LargestMinimum));
            SetGroup(levels, weights, fit, group, scale, minimum);
        }
    }

    private static void SetGroup(KQuantLevels levels, float* weights, KQuantFit* fit, int group, int scale, int minimum)
    {
        fit->GroupScales[group] = scale;
        fit->GroupMinima[group] = minimum;
        int first = group * levels.GroupSize;
        fit->GroupErrors[group] = Quantize(
            levels, weights + first, (float)fit->Scale * scale, (float)fit->MinimumScale * minimum, fit->Quants + first);
    }

    private static void Refine(KQuantLevels levels, float* weights, KQuantFit* fit)
    {
        for (int round = 0; round < MaxRounds; round++)
        {
            for (int group = 0; group < levels.GroupCount; group++)
                TryNeighbours(levels, weights, fit, group);
            KQuantFit refitted = *fit;
            RefitSuperScales(levels, weights, &refitted);
            for (int group = 0; group < levels.GroupCount; group++)
                SetGroup(levels, weights, &refitted, group, fit->GroupScales[group], fit->GroupMinima[group]);
            if (refitted.Error >= fit->Error)
                return;
            *fit = refitted;
        }
    }

    private static void TryNeighbours(KQuantLevels levels, float* weights, KQuantFit* fit, int group)
    {
        float* quants = stackalloc float[levels.GroupSize];
        int centreScale = fit->GroupScales[group], centreMinimum = fit->GroupMinima[group];
        int bestScale = centreScale, bestMinimum = centreMinimum;
        float error = fit->GroupErrors[group];
        for (int scale = Math.Max(centreScale - 1, levels.SmallestScale); scale <= Math.Min(centreScale + 1, levels.LargestScale); scale++)
        {
            for (int minimum = Math.Max(centreMinimum - 1, 0); minimum <= Math.Min(centreMinimum + 1, levels.LargestMinimum); minimum++)
            {
                float tried = Quantize(
                    levels,
                    weights + group * levels.GroupSize,
                    (float)fit->Scale * scale,
                    (float)fit->MinimumScale * minimum,
                    quants);
                if (tried < error)
                    (bestScale, bestMinimum, error) = (scale, minimum, tried);
            }
        }
        if (bestScale != centreScale || bestMinimum != centreMinimum)
            SetGroup(levels, weights, fit, group, bestScale, bestMinimum);
    }

    /// <summary>Least squares for d and m with all other numbers as they are: w ≈ d (s q) - m t.</summary>
    private static void RefitSuperScales(KQuantLevels levels, float* weights, KQuantFit* fit)
    {
        double sqsq = 0, sqt = 0, tt = 0, wsq = 0, wt = 0;
        for (int i = 0; i < KQuantFit.WeightCount; i++)
        {
            int group = i / levels.GroupSize;
            double sq = fit->GroupScales[group] * (double)fit->Quants[i];
            double t = fit->GroupMinima[group];
            sqsq += sq * sq;
            sqt += sq * t;
            tt += t * t;
            wsq += weights[i] * sq;
            wt += weights[i] * t;
        }
        double determinant = sqsq * tt - sqt * sqt;
        if (determinant > 0)
        {
            fit->Scale = RoundToHalf((float)((tt * wsq - sqt * wt) / determinant));
            fit->MinimumScale = RoundToHalf((float)((sqt * wsq - sqsq * wt) / determinant));
        }
        else if (sqsq > 0)
        {
            fit->Scale = RoundToHalf((float)(wsq / sqsq));
        }
    }

    private static Half RoundToHalf(float value) => (Half)Math.Clamp(value, (float)Half.MinValue, (float)Half.MaxValue);
}
