namespace ChainOfSpot.Kernels;

/// <summary>
/// The key or value of one position and head in 8 bits: x[i] = scale q[i], scale = max |x| / 127, q[i] = x[i] / scale rounded to the
/// nearest, halves to even. A row with an infinity or a NaN has a scale that makes all of it NaN.
/// <para>Moves 5 headDim + 4 bytes. A plain loop: its definition is its CPU form.</para>
/// </summary>
public static unsafe class QuantizedHead
{
    private const int Largest = 127;

    /// <summary>Writes the bytes of a row and returns its scale.</summary>
    /// <param name="x">[headDim].</param>
    /// <param name="headDim">Columns of one head.</param>
    /// <param name="quants">Where the first byte goes.</param>
    /// <param name="stride">Bytes from one to the next.</param>
    public static float Store(float* x, int headDim, sbyte* quants, nint stride)
    {
        float largest = 0;
        for (int d = 0; d < headDim; d++)
            largest = MathF.Max(largest, MathF.Abs(x[d]));
        float scale = largest / Largest;
        if (!float.IsFinite(scale))
            scale = float.NaN;
        for (int d = 0; d < headDim; d++)
        {
            // Numbers so small that their scale is 0 are 0; a rounded subnormal scale could give more than 127.
            float quant = scale > 0 ? MathF.Round(x[d] / scale) : 0;
            quants[d * stride] = (sbyte)Math.Clamp(quant, -Largest, Largest);
        }
        return scale;
    }
}
