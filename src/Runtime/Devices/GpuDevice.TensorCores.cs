using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace ChainOfSpot.Runtime.Devices;

/// <content>The matrix product on tensor cores: CUDA from sm_80 on, or their simulation.</content>
public sealed partial class GpuDevice
{
    private GpuKernel<HalvesGpuArguments>? _halvesKernel;
    private GpuMemory? _halves;

    /// <summary>What may be rounded; exact arithmetic leaves the tensor cores alone.</summary>
    public Arithmetic Arithmetic { get; init; }

    /// <summary>Whether there are tensor cores that kernels use: CUDA from sm_80 on, and the simulated device.</summary>
    public bool HasTensorCores => _accelerator is CPUAccelerator || (_accelerator is CudaAccelerator cuda && cuda.Architecture >= CudaArchitecture.SM_80);

    /// <summary>
    /// Whether attention of more than 32 rows uses them, where there are any, and rounds to fp16. Not by default: nobody has measured
    /// it on a card yet; perf/gpu measures both.
    /// </summary>
    public bool AttentionOnTensorCores { get; set; }

    private bool UsesTensorCores => Arithmetic == Arithmetic.Fast && HasTensorCores;

    /// <summary>The rows of x in fp16, for the next product: what is enqueued later may write over them.</summary>
    private ArrayView<GpuUInt4> Halves(TensorView x)
    {
        int groups = Groups(x.Columns);
        long count = (long)x.Rows * groups * 4;
        ArrayView<GpuUInt4> halves = Scratch(ref _halves, 16 * count, "activations in fp16").SubView(0, 16 * count).Cast<GpuUInt4>();
        _halvesKernel ??= Kernel<HalvesGpuArguments>(Kernels.MatMul.GpuHalves);
        int threads = Kernels.MatMul.GpuHalvesThreads;
        _halvesKernel.Launch(
            _stream,
            new Index3D(Groups(checked((int)count), threads), 1, 1),
            new HalvesGpuArguments { A = Floats(x), Halves = halves, Rows = x.Rows, K = x.Columns, Groups = groups });
        return halves;
    }

    private void MultiplyOnTensorCores(WeightKernels kernels, ArrayView<GpuUInt4> halves, GpuWeightPart part, in MatMulGpuArguments product)
    {
        GpuKernel<MatMulTensorGpuArguments>? low = product.Rows <= Kernels.MatMul.GpuTensorLowRows ? kernels.LowTensor : null;
        int tileRows = low is null ? Kernels.MatMul.GpuTensorTile : Kernels.MatMul.GpuTensorLowRows;
        MatMulGpuArguments split = Split(product, tileRows, Kernels.MatMul.GpuTensorTile, out Index3D grid);
        (low ?? kernels.Tensor).Launch(
            _stream,
            grid,
            new MatMulTensorGpuArguments
            {
                Product = split,
                Halves = halves,
                A = halves.LoadEffectiveAddressAsPtr().ToInt64(),
                W = part.Bytes.LoadEffectiveAddressAsPtr().ToInt64(),
            });
        CombineTiles(split);
    }
}
