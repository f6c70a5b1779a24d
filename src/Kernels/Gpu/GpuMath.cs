using ChainOfSpot.Kernels.Lanes;
using ILGPU;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// Functions of one number that kernels need: the same arithmetic on every device, because the built-in ones differ (on CUDA
/// they are approximations of other accuracy).
/// </summary>
public static class GpuMath
{
    /// <summary>
    /// e^x within 2 ulp, by the polynomial of the SIMD kernels; 0 below the smallest normal number, at most e^88.02, NaN for NaN.
    /// </summary>
    public static float Exp(float x)
    {
        float clamped = x > ExpPolynomial.Highest ? ExpPolynomial.Highest : x;
        bool zero = clamped < ExpPolynomial.Lowest;
        clamped = zero ? 0 : clamped;
        int n = (int)((clamped * ExpPolynomial.Log2E) + (clamped < 0 ? -0.5f : 0.5f));
        float r = clamped - (n * ExpPolynomial.Ln2High);
        r -= n * ExpPolynomial.Ln2Low;
        float p = ExpPolynomial.C7;
        p = (p * r) + ExpPolynomial.C6;
        p = (p * r) + ExpPolynomial.C5;
        p = (p * r) + ExpPolynomial.C4;
        p = (p * r) + ExpPolynomial.C3;
        p = (p * r) + 0.5f;
        p = (p * r * r) + r + 1;
        return zero ? 0 : p * Interop.IntAsFloat((uint)(n + 127) << 23);
    }
}
