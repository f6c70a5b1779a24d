using ChainOfSpot.Kernels.Gpu;

namespace ChainOfSpot.Kernels;

/// <content>The GPU form: called by kernels that have the value in a register.</content>
public static unsafe partial class QuickGelu
{
    /// <summary>x / (1 + e^(-1.702 x)); -infinity gives NaN as in the definition.</summary>
    public static float Gpu(float x) => x / (1 + GpuMath.Exp(-Slope * x));
}
