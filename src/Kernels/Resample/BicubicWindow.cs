namespace ChainOfSpot.Kernels;

/// <summary>
/// The taps of one output pixel of an antialiased bicubic resize, in fixed point, as Pillow computes them
/// (src/libImaging/Resample.c, a = -0.5): the kernel is widened by the scale when shrinking, its weights are normalised in
/// double precision to the sum 1 and rounded to <see cref="FractionBits"/> bits, halves away from zero.
/// </summary>
internal readonly struct BicubicWindow
{
    /// <summary>Bits behind the binary point of a weight: 32 - 8 for the pixel - 2 for overshoot and sign.</summary>
    public const int FractionBits = 22;

    /// <summary>Bits of the low part of a weight, where it is split so that both parts fit in 16 bits.</summary>
    public const int LowBits = 11;

    private const double Support = 2.0;

    private readonly double _center;
    private readonly double _inverseWidth;
    private readonly double _sum;

    /// <summary>The window of the kept output pixel <paramref name="output"/>.</summary>
    public BicubicWindow(in ResampleAxis axis, int output)
    {
        double scale = (double)axis.Frame / axis.Scaled;
        _center = (axis.OutputStart + output + 0.5) * scale;
        _inverseWidth = 1.0 / Math.Max(scale, 1.0);
        (First, End) = Bounds(axis, output);
        for (int position = First; position < End; position++)
            _sum += Kernel((position - _center + 0.5) * _inverseWidth);
    }

    /// <summary>The first position of the frame with a weight.</summary>
    public int First { get; }

    /// <summary>The position after the last.</summary>
    public int End { get; }

    /// <summary>The most taps that an output pixel of an axis can have.</summary>
    public static int MaxTaps(in ResampleAxis axis) =>
        (int)Math.Ceiling(Support * Math.Max((double)axis.Frame / axis.Scaled, 1.0)) * 2 + 1;

    /// <summary>First position and position after the last of an output pixel's window.</summary>
    public static (int First, int End) Bounds(in ResampleAxis axis, int output)
    {
        double scale = (double)axis.Frame / axis.Scaled;
        double center = (axis.OutputStart + output + 0.5) * scale;
        double support = Support * Math.Max(scale, 1.0);
        return (Math.Max((int)(center - support + 0.5), 0), Math.Min((int)(center + support + 0.5), axis.Frame));
    }

    /// <summary>The weight of a position of the frame, scaled by 2^<see cref="FractionBits"/>.</summary>
    public int Weight(int position)
    {
        double weight = Kernel((position - _center + 0.5) * _inverseWidth);
        if (_sum != 0)
            weight /= _sum;
        return (int)(weight * (1 << FractionBits) + (weight < 0 ? -0.5 : 0.5));
    }

    private static double Kernel(double x)
    {
        const double A = -0.5;
        x = Math.Abs(x);
        if (x < 1.0)
            return ((A + 2.0) * x - (A + 3.0)) * x * x + 1;
        return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * A : 0.0;
    }
}
