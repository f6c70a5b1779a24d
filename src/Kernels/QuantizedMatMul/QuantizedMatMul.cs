using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <summary>
/// Linear layer with weights in a block format and activations quantised to int8:
/// C[m, n] = f(sum over blocks of 32 of W[n, k] A'[m, k] + bias[n]) + residual[m, n], A' = A rounded as <see cref="ActivationBlock"/>
/// says. The weights are used as stored: the only difference to <see cref="MatMul"/> is the rounding of the activations.
/// <para>Shapes as in <see cref="MatMul"/>; W in packed panels (<see cref="PackedPanels"/>).</para>
/// <para>Moves 5.5MK + bytes(W) + 4MN bytes and does 2MNK integer operations.</para>
/// <para>Order of summation, a function of K alone and the same on every CPU with a fused multiply-add: products within a
/// group of weights that share a scale are summed as integers, exactly; groups are added in ascending order, each with one fused
/// multiply-add. So no bit of an output depends on M, on the rows beside it, on threads, tiles or the instruction set.</para>
/// </summary>
public static unsafe partial class QuantizedMatMul
{
    /// <summary>The definition of one output before bias: the sum in double precision.</summary>
    /// <param name="a">A row of activations.</param>
    /// <param name="weight">Weights as the file stores them, in a block format.</param>
    /// <param name="row">The row of weights.</param>
    /// <param name="k">K, a multiple of 32.</param>
    public static double Output(float* a, in WeightSegment weight, int row, int k)
    {
        float[] weights = new float[k];
        fixed (float* w = weights)
            Dequantize.Row(weight.Type, (byte*)weight.Data + (row * weight.Type.RowBytes(k)), k, w);
        double sum = 0;
        ActivationBlock block = default;
        for (int i = 0; i < k; i++)
        {
            if (i % ActivationBlock.Length == 0)
                ActivationBlocks.Define(a + i, &block);
            sum += (double)weights[i] * block.Quants[i % ActivationBlock.Length] * block.Scale;
        }
        return sum;
    }
}
