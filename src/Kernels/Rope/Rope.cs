namespace ChainOfSpot.Kernels;

/// <summary>
/// Rotary position embedding (Su et al., arXiv 2104.09864) in the "rotate half" layout: for i &lt; headDim / 2,
/// (x[i], x[i + headDim/2]) becomes (x[i] c - x[i + headDim/2] s, x[i + headDim/2] c + x[i] s), with c and s the cosine and
/// sine of position * theta^(-2i / headDim).
/// <para>Shapes: x [rows, heads * headDim] fp32, rows may lie apart, rotated in place; cos and sin tables
/// [positions, headDim / 2]; positions [rows].</para>
/// <para>Moves 8 bytes an element. A NaN or infinity reaches its own pair only.</para>
/// </summary>
public static unsafe partial class Rope
{
    /// <summary>
    /// Fills the tables. As in the reference, the inverse frequencies and the angles are rounded to fp32; the exponent's power
    /// and the cosines are computed in double precision and rounded once.
    /// </summary>
    /// <param name="theta">The base, such as 10000.</param>
    /// <param name="headDim">Columns of a head, even.</param>
    /// <param name="positions">Rows of the tables.</param>
    /// <param name="cos">[positions, headDim / 2].</param>
    /// <param name="sin">[positions, headDim / 2].</param>
    /// <exception cref="ArgumentException">headDim is odd, or a table has another length.</exception>
    public static void BuildTable(float theta, int headDim, int positions, Span<float> cos, Span<float> sin)
    {
        if (headDim <= 0 || headDim % 2 != 0)
            throw new ArgumentException($"The head dimension of a rotary embedding must be even and positive, not {headDim}.", nameof(headDim));
        int half = headDim / 2;
        if (cos.Length != (long)positions * half)
            throw new ArgumentException($"A table of {positions} positions has {(long)positions * half} entries, not {cos.Length}.", nameof(cos));
        if (sin.Length != cos.Length)
            throw new ArgumentException($"A table of {positions} positions has {cos.Length} entries, not {sin.Length}.", nameof(sin));

        for (int i = 0; i < half; i++)
        {
            float inverseFrequency = 1 / (float)Math.Pow(theta, (float)(2 * i) / headDim);
            for (int position = 0; position < positions; position++)
            {
                float angle = position * inverseFrequency;
                cos[(position * half) + i] = (float)Math.Cos(angle);
                sin[(position * half) + i] = (float)Math.Sin(angle);
            }
        }
    }

    /// <summary>The definition of one rotated head, in double precision, rounded once.</summary>
    /// <param name="x">[headDim], rotated in place.</param>
    /// <param name="cos">The row of the cosine table for its position.</param>
    /// <param name="sin">The row of the sine table.</param>
    /// <param name="headDim">Columns of the head.</param>
    public static void Define(float* x, float* cos, float* sin, int headDim)
    {
        int half = headDim / 2;
        for (int i = 0; i < half; i++)
        {
            double low = x[i];
            double high = x[i + half];
            x[i] = (float)((low * cos[i]) - (high * sin[i]));
            x[i + half] = (float)((high * cos[i]) + (low * sin[i]));
        }
    }
}
