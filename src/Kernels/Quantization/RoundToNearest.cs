namespace ChainOfSpot.Kernels.Quantization;

/// <summary>What the formats that round every weight to the nearest level measure of a block.</summary>
internal static unsafe class RoundToNearest
{
    /// <summary>The weight of largest magnitude, with its sign; the first of equals.</summary>
    public static float LargestMagnitude(float* weights, int count)
    {
        float largest = weights[0];
        for (int i = 1; i < count; i++)
        {
            if (MathF.Abs(weights[i]) > MathF.Abs(largest))
                largest = weights[i];
        }
        return largest;
    }

    /// <summary>The smallest and the largest weight.</summary>
    public static (float Minimum, float Maximum) Range(float* weights, int count)
    {
        float minimum = weights[0];
        float maximum = weights[0];
        for (int i = 1; i < count; i++)
        {
            // Not Math.Min: of 0 and -0 the first one stays, as in ggml.
            if (weights[i] < minimum)
                minimum = weights[i];
            if (weights[i] > maximum)
                maximum = weights[i];
        }
        return (minimum, maximum);
    }

    /// <summary>1 / scale, or 0 for a block of zeros.</summary>
    public static float Inverse(float scale) => scale == 0 ? 0 : 1 / scale;
}
