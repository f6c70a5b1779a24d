using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace ChainOfSpot.Runtime.Devices;

/// <content>Attention and the key-value cache.</content>
public sealed partial class GpuDevice
{
    /// <summary>Up to here the positions of a row are split among groups: tiles of so few rows would leave the GPU idle.</summary>
    private const int MostSplitRows = 32;

    /// <summary>Runs of one sequence in a tile that are done side by side; more are done one after the other.</summary>
    private const int MostRunsAtOnce = 8;

    private readonly GpuKernel<KvAppendGpuArguments> _kvAppend;
    private readonly GpuKernel<KvAppendGpuArguments> _kvQuantize;
    private readonly CacheKernels _plainCache;
    private readonly CacheKernels _quantizedCache;
    private readonly GpuKernel<AttentionGpuArguments> _attentionCombine;
    private readonly GpuKernel<AttentionGpuArguments> _fullAttention64;
    private readonly GpuKernel<AttentionGpuArguments> _fullAttention128;
    private readonly GpuKernel<AttentionGpuArguments> _tensorFullAttention64;
    private readonly GpuKernel<AttentionGpuArguments> _tensorFullAttention128;
    private GpuMemory? _partialSums;
    private GpuMemory? _partialScales;

    /// <inheritdoc/>
    public override void RopeAppend(TensorView qkv, in RaggedRows rows, RopeTable rope, KvPool pool, int layer)
    {
        ArgumentNullException.ThrowIfNull(rope);
        var gpu = (GpuKvPool)pool;
        KvShape shape = pool.Shape;
        bool quantized = shape.Element == KvElement.Q8;
        var arguments = new KvAppendGpuArguments
        {
            Qkv = Floats(qkv),
            Cos = Floats(rope.Cosines),
            Sin = Floats(rope.Sines),
            Positions = Integers(rows.Positions),
            Sequences = Integers(rows.Sequences),
            PageTable = Integers(rows.PageTable),
            MaxPages = rows.PageTable.Columns,
            Keys = gpu.Keys(layer),
            Values = gpu.Values(layer),
            Stores = quantized ? 0 : 1,
            Heads = (qkv.Columns / shape.HeadDim) - (2 * shape.KvHeads),
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
        };
        _kvAppend.Launch(_stream, new Index3D(Groups(qkv.Columns / 2, KvAppend.GpuThreads), qkv.Rows, 1), arguments);
        if (quantized)
            _kvQuantize.Launch(_stream, new Index3D(2 * shape.KvHeads, qkv.Rows, 1), arguments);
    }

    /// <inheritdoc/>
    public override void Attention(TensorView qkv, in RaggedRows rows, KvPool pool, int layer, TensorView output)
    {
        var gpu = (GpuKvPool)pool;
        int headDim = HeadDim(pool.Shape.HeadDim);
        int heads = output.Columns / headDim;
        int splits = Groups(rows.PageTable.Columns * KvLayout.PagePositions, Kernels.Attention.GpuSplitPositions);
        bool split = qkv.Rows <= MostSplitRows;
        long parts = split ? (long)qkv.Rows * heads * splits : 0;
        var arguments = new AttentionGpuArguments
        {
            Qkv = Floats(qkv),
            QkvStride = qkv.Columns,
            Keys = gpu.Keys(layer),
            Values = gpu.Values(layer),
            PageTable = Integers(rows.PageTable),
            MaxPages = rows.PageTable.Columns,
            Positions = Integers(rows.Positions),
            Sequences = Integers(rows.Sequences),
            Output = Floats(output),
            PartialSums = Scratch(ref _partialSums, parts * headDim * sizeof(float), "the sums of a split attention").Cast<float>(),
            PartialScales = Scratch(ref _partialScales, parts * 2 * sizeof(float), "the scales of a split attention").Cast<float>(),
            Splits = splits,
            Rows = qkv.Rows,
            Heads = heads,
            KvHeads = pool.Shape.KvHeads,
            HeadDim = headDim,
            Scale = Scale(headDim),
        };
        CacheKernels kernels = KernelsOf(pool);
        if (split)
        {
            (headDim <= GpuHead64.Columns ? kernels.Split64 : kernels.Split128).Launch(_stream, new Index3D(splits, heads, qkv.Rows), arguments);
            _attentionCombine.Launch(_stream, new Index3D(heads, qkv.Rows, 1), arguments);
            return;
        }
        bool narrow = headDim <= GpuHead64.Columns;
        GpuKernel<AttentionGpuArguments> kernel = TensorAttention
            ? (narrow ? kernels.Tensor64 : kernels.Tensor128)
            : (narrow ? kernels.Tile64 : kernels.Tile128);
        kernel.Launch(_stream, new Index3D(Groups(qkv.Rows, AttentionRows), heads, Math.Min(rows.PageTable.Rows, MostRunsAtOnce)), arguments);
    }

    /// <inheritdoc/>
    public override void FullAttention(TensorView qkv, int rowsPerPicture, int heads, TensorView output)
    {
        int headDim = HeadDim(output.Columns / heads);
        ArrayView<float> joined = Floats(qkv);
        ArrayView<int> none = joined.Cast<int>();
        // PoCL 6 compiles the narrow kernel's same text now to a right, now to a wrong program: docs/gpu.md.
        bool narrow = headDim <= GpuHead64.Columns && _accelerator is not CLAccelerator;
        GpuKernel<AttentionGpuArguments> kernel = TensorAttention
            ? (narrow ? _tensorFullAttention64 : _tensorFullAttention128)
            : (narrow ? _fullAttention64 : _fullAttention128);
        kernel.Launch(
            _stream,
            new Index3D(Groups(qkv.Rows, AttentionRows), heads, 1),
            new AttentionGpuArguments
            {
                Qkv = joined,
                QkvStride = qkv.Columns,
                Keys = joined.Cast<byte>(),
                Values = joined.Cast<byte>(),
                PageTable = none,
                Positions = none,
                Sequences = none,
                PartialSums = joined,
                PartialScales = joined,
                ImageRows = rowsPerPicture,
                Output = Floats(output),
                Rows = qkv.Rows,
                Heads = heads,
                KvHeads = heads,
                HeadDim = headDim,
                Scale = Scale(headDim),
            });
    }

    /// <inheritdoc/>
    public override void CopyPage(KvPool pool, int source, int destination, int positions)
    {
        var gpu = (GpuKvPool)pool;
        KvShape shape = pool.Shape;
        KernelsOf(pool).CopyPage.Launch(
            _stream,
            new Index3D(shape.KvHeads, shape.Layers, 1),
            new CopyPageGpuArguments
            {
                Keys = gpu.AllKeys,
                Values = gpu.AllValues,
                LayerBytes = gpu.LayerBytes,
                KvHeads = shape.KvHeads,
                HeadDim = shape.HeadDim,
                Source = source,
                Destination = destination,
                Positions = positions,
            });
    }

    private bool TensorAttention => AttentionOnTensorCores && HasTensorCores;

    /// <summary>Rows of a tile.</summary>
    private int AttentionRows => TensorAttention ? Kernels.Attention.GpuTensorRows : Kernels.Attention.GpuRows;

    private CacheKernels KernelsOf(KvPool pool) => pool.Shape.Element == KvElement.Q8 ? _quantizedCache : _plainCache;

    private static float Scale(int headDim) => (float)(1 / Math.Sqrt(headDim));

    private static int HeadDim(int headDim) => headDim <= Kernels.Attention.GpuMaxHeadDim
        ? headDim
        : throw new NotSupportedException(
            $"The GPU's attention takes heads of up to {Kernels.Attention.GpuMaxHeadDim} columns; this model's have {headDim}. Use the CPU for it.");

    /// <summary>The kernels that know how the numbers of a cache are stored.</summary>
    private sealed record CacheKernels(
        GpuKernel<AttentionGpuArguments> Tile64,
        GpuKernel<AttentionGpuArguments> Tile128,
        GpuKernel<AttentionGpuArguments> Tensor64,
        GpuKernel<AttentionGpuArguments> Tensor128,
        GpuKernel<AttentionGpuArguments> Split64,
        GpuKernel<AttentionGpuArguments> Split128,
        GpuKernel<CopyPageGpuArguments> CopyPage)
    {
        public static CacheKernels Of<TElement>(GpuDevice device)
            where TElement : struct, IGpuKvElement => new(
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.Gpu<TElement, GpuHead64>),
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.Gpu<TElement, GpuHead128>),
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.GpuTensor<TElement, GpuHead64>),
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.GpuTensor<TElement, GpuHead128>),
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.GpuSplit<TElement, GpuHead64>),
                device.Kernel<AttentionGpuArguments>(Kernels.Attention.GpuSplit<TElement, GpuHead128>),
                device.Kernel<CopyPageGpuArguments>(Kernels.CopyPage.Gpu<TElement>));
    }
}
