using ChainOfSpot.Kernels.Gpu;

namespace ChainOfSpot.Kernels;

/// <content>The GPU form: called by kernels that have the value in a register.</content>
public static unsafe partial class Gelu
{
    /// <summary>max(x, 0) - |x| / 2 erfc(|x| / sqrt 2), with the fit of <see cref="Erfc{TVector, TLanes}"/>.</summary>
    public static float Gpu(float x)
    {
        float magnitude = MathF.Min(MathF.Abs(x), 32);
        float a = magnitude * 0.70710678f;
        float p = (((((((0.026106117f * a) + 0.19609506f) * a) + 0.66045309f) * a) + 1.1682945f) * a) + 1;
        float q = (((((((((0.046268862f * a) + 0.34765059f) * a) + 1.1927640f) * a) + 2.2519701f) * a) + 2.2966738f) * a) + 1;
        return MathF.Max(x, 0) - (0.5f * magnitude * GpuMath.Exp(-a * a) * p / q);
    }
}
