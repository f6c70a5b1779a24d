using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="MatMul.Gpu{TElement}"/>; see <see cref="MatMul"/> for the formula.</summary>
public readonly struct MatMulGpuArguments
{
    /// <summary>A [<see cref="Rows"/>, <see cref="K"/>].</summary>
    public ArrayView<float> A { get; init; }

    /// <summary>Weights [<see cref="Columns"/>, <see cref="K"/>], rows of <see cref="RowBytes"/> bytes.</summary>
    public ArrayView<byte> W { get; init; }

    /// <summary>Bytes of a row of W.</summary>
    public long RowBytes { get; init; }

    /// <summary>Bias [<see cref="Columns"/>]; not read unless <see cref="HasBias"/>.</summary>
    public ArrayView<float> Bias { get; init; }

    /// <summary>Residual, laid out as C; may be C; not read unless <see cref="HasResidual"/>.</summary>
    public ArrayView<float> Residual { get; init; }

    /// <summary>The outputs [<see cref="Rows"/>, <see cref="Columns"/>] of these weights, <see cref="CStride"/> floats from row to row.</summary>
    public ArrayView<float> C { get; init; }

    /// <summary>M.</summary>
    public int Rows { get; init; }

    /// <summary>K.</summary>
    public int K { get; init; }

    /// <summary>N, of these weights.</summary>
    public int Columns { get; init; }

    /// <summary>Floats from a row of C to the next.</summary>
    public int CStride { get; init; }

    /// <summary>1 where a bias is added.</summary>
    public int HasBias { get; init; }

    /// <summary>1 where a residual is added.</summary>
    public int HasResidual { get; init; }

    /// <summary>The <see cref="MatMulActivation"/>.</summary>
    public int Activation { get; init; }
}

/// <content>The GPU form.</content>
public static unsafe partial class MatMul
{
    /// <summary>Threads of a group of <see cref="Gpu{TElement}"/>, each with one output.</summary>
    public const int GpuOutputsPerGroup = 64;

    /// <summary>One thread an output, the sum in ascending order of k; grid (outputs, rows).</summary>
    [GpuKernel(GpuOutputsPerGroup)]
    public static void Gpu<TElement>(MatMulGpuArguments arguments)
        where TElement : struct, IGpuElement
    {
        int column = (Grid.IdxX * GpuOutputsPerGroup) + Group.IdxX;
        int row = Grid.IdxY;
        if (column >= arguments.Columns)
            return;
        ArrayView<byte> weights = arguments.W.SubView(column * arguments.RowBytes, arguments.RowBytes);
        ArrayView<float> a = arguments.A.SubView((long)row * arguments.K, arguments.K);
        float sum = 0;
        for (int k = 0; k < arguments.K; k++)
            sum += a[k] * TElement.Read(weights, k);
        if (arguments.HasBias != 0)
            sum += arguments.Bias[column];
        if (arguments.Activation == (int)MatMulActivation.QuickGelu)
            sum = QuickGelu.Gpu(sum);
        if (arguments.Activation == (int)MatMulActivation.Gelu)
            sum = Gelu.Gpu(sum);
        long index = ((long)row * arguments.CStride) + column;
        if (arguments.HasResidual != 0)
            sum += arguments.Residual[index];
        arguments.C[index] = sum;
    }
}
