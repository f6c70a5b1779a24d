namespace ChainOfSpot.Kernels;

/// <summary>
/// y = x / 2 (1 + erf(x / sqrt 2)), element by element: the exact Gaussian error linear unit (Hendrycks and Gimpel,
/// arXiv 1606.08415).
/// <para>Shapes: x and y [rows, columns] fp32, rows may lie apart, y may be x.</para>
/// <para>Moves 8 bytes an element. NaN gives NaN; -infinity gives NaN in the definition and 0,
/// the limit, in the SIMD form.</para>
/// </summary>
public static unsafe partial class Gelu
{
    /// <summary>The definition, in double precision, rounded once.</summary>
    public static float Define(float x) => (float)(0.5 * x * (1 + Erf(x / Math.Sqrt(2))));

    /// <summary>
    /// The error function within a few ulp of 1 in double precision: 2/sqrt(pi) e^(-x²) sum over n of 2^n x^(2n+1) / (2n+1)!!
    /// (Abramowitz and Stegun 7.1.6), whose terms all have one sign.
    /// </summary>
    public static double Erf(double x)
    {
        // erfc(6) is 2e-17, less than half an ulp of 1.
        if (Math.Abs(x) > 6)
            return Math.Sign(x);
        double sum = x;
        double term = x;
        for (int n = 1; Math.Abs(term) > Math.Abs(sum) * 1e-17; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
