namespace ChainOfSpot.Kernels;

/// <summary>
/// y = x / (1 + e^(-1.702 x)), element by element: CLIP's approximation of GELU.
/// <para>Shapes: x and y [rows, columns] fp32, rows may lie apart, y may be x.</para>
/// <para>Moves 8 bytes an element. -infinity has no finite output; NaN gives NaN.</para>
/// </summary>
public static unsafe partial class QuickGelu
{
    private const float Slope = 1.702f;

    /// <summary>The definition, in double precision, rounded once.</summary>
    public static float Define(float x) => (float)(x / (1 + Math.Exp(-(double)Slope * x)));
}
