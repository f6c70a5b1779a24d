namespace ChainOfSpot.Kernels.Quantization;

/// <summary>
/// The measure of the K-quants' search: what is lost when every weight is just rounded to the nearest level between the extremes
/// of its group, and every group's scale and minimum to the nearest ones that the format has.
/// </summary>
public static unsafe class PlainRounding
{
    /// <summary>Σ (w - ŵ)² over one row, ŵ the plainly rounded weights.</summary>
    /// <param name="type">A K-quant; the other block formats have no search that could be compared.</param>
    /// <param name="weights">The weights, finite.</param>
    /// <param name="columns">Their count, a multiple of 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type is no K-quant.</exception>
    public static double SquaredError(ElementType type, float* weights, int columns)
    {
        KQuantLevels levels = type switch
        {
            ElementType.Q2_K => BlockQ2_K.Levels,
            ElementType.Q3_K => BlockQ3_K.Levels,
            ElementType.Q4_K => BlockQ4_K.Levels,
            ElementType.Q5_K => BlockQ5_K.Levels,
            ElementType.Q6_K => BlockQ6_K.Levels,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A K-quant was expected."),
        };
        double sum = 0;
        KQuantFit fit;
        for (int column = 0; column < columns; column += KQuantFit.WeightCount)
        {
            KQuantSearch.RoundPlainly(levels, weights + column, &fit);
            for (int i = 0; i < KQuantFit.WeightCount; i++)
            {
                int group = i / levels.GroupSize;
                float rounded = ((float)fit.Scale * fit.GroupScales[group] * fit.Quants[i])
                    - ((float)fit.MinimumScale * fit.GroupMinima[group]);
                double difference = (double)rounded - weights[column + i];
                sum += difference * difference;
            }
        }
        return sum;
    }
}
