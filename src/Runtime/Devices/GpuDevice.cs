using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Kernels.Quantization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// A GPU through ILGPU: CUDA, OpenCL, or ILGPU's own CPU accelerator, which runs kernels thread by thread and serves tests.
/// They differ in the kernels that they can use, not in this class. Operations are enqueued on one stream.
/// </summary>
public sealed partial class GpuDevice : Device
{
    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly AcceleratorStream _stream;
    private readonly List<IDisposable> _kernels = [];

    internal GpuDevice(Context context, Accelerator accelerator)
    {
        _context = context;
        _accelerator = accelerator;
        _stream = accelerator.CreateStream();
        _gatherRows = new()
        {
            [ElementType.F32] = GatherKernel<GpuF32>(),
            [ElementType.F16] = GatherKernel<GpuF16>(),
            [ElementType.BF16] = GatherKernel<GpuBF16>(),
            [ElementType.Q4_0] = GatherKernel<GpuBlocks<GpuQ4_0>>(),
            [ElementType.Q4_1] = GatherKernel<GpuBlocks<GpuQ4_1>>(),
            [ElementType.Q5_0] = GatherKernel<GpuBlocks<GpuQ5_0>>(),
            [ElementType.Q5_1] = GatherKernel<GpuBlocks<GpuQ5_1>>(),
            [ElementType.Q8_0] = GatherKernel<GpuBlocks<GpuQ8_0>>(),
            [ElementType.Q2_K] = GatherKernel<GpuBlocks<GpuQ2_K>>(),
            [ElementType.Q3_K] = GatherKernel<GpuBlocks<GpuQ3_K>>(),
            [ElementType.Q4_K] = GatherKernel<GpuBlocks<GpuQ4_K>>(),
            [ElementType.Q5_K] = GatherKernel<GpuBlocks<GpuQ5_K>>(),
            [ElementType.Q6_K] = GatherKernel<GpuBlocks<GpuQ6_K>>(),
            [ElementType.IQ4_NL] = GatherKernel<GpuBlocks<GpuIQ4_NL>>(),
            [ElementType.IQ4_XS] = GatherKernel<GpuBlocks<GpuIQ4_XS>>(),
        };
        _combineTiles = Kernel<MatMulGpuArguments>(Kernels.MatMul.GpuCombine);
        _layerNorm = Kernel<NormGpuArguments>(Kernels.LayerNorm.Gpu);
        _rmsNorm = Kernel<NormGpuArguments>(Kernels.RmsNorm.Gpu);
        _swiGlu = Kernel<SwiGluGpuArguments>(Kernels.SwiGlu.Gpu);
        _extractPatches = Kernel<ExtractPatchesGpuArguments>(Kernels.ExtractPatches.Gpu);
        _cropResize = Kernel<CropResizeGpuArguments>(Kernels.CropResize.Gpu);
        _argMax = Kernel<ArgMaxGpuArguments>(Kernels.ArgMax.Gpu);
        _topK = Kernel<TopKGpuArguments>(Kernels.TopK.Gpu);
        _kvAppend = Kernel<KvAppendGpuArguments>(KvAppend.Gpu);
        _kvQuantize = Kernel<KvAppendGpuArguments>(KvAppend.GpuQuantize);
        _plainCache = CacheKernels.Of<GpuKvF32>(this);
        _quantizedCache = CacheKernels.Of<GpuKvQ8>(this);
        _attentionCombine = Kernel<AttentionGpuArguments>(Kernels.Attention.GpuCombine);
        _fullAttention64 = Kernel<AttentionGpuArguments>(Kernels.FullAttention.Gpu<GpuHead64>);
        _fullAttention128 = Kernel<AttentionGpuArguments>(Kernels.FullAttention.Gpu<GpuHead128>);
        _tensorFullAttention64 = Kernel<AttentionGpuArguments>(Kernels.FullAttention.GpuTensor<GpuHead64>);
        _tensorFullAttention128 = Kernel<AttentionGpuArguments>(Kernels.FullAttention.GpuTensor<GpuHead128>);
    }

    /// <inheritdoc/>
    public override string Name => _accelerator switch
    {
        CudaAccelerator => $"cuda ({_accelerator.Name})",
        CLAccelerator cl => $"opencl ({_accelerator.Name}, {cl.PlatformName})",
        _ => "ilgpu cpu accelerator",
    };

    /// <inheritdoc/>
    public override int PagePositions => KvLayout.PagePositions;

    /// <inheritdoc/>
    public override long? FreeBytes => _accelerator switch
    {
        CudaAccelerator cuda => cuda.GetFreeMemory(),
        CLAccelerator => Math.Max(0, _accelerator.MemorySize - AllocatedBytes),
        _ => null,
    };

    /// <summary>Bytes that tensors, weights, caches and scratch memory hold now.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>ILGPU's CPU accelerator with groups of up to 256 threads: exact in what it computes, and very slow.</summary>
    /// <param name="arithmetic">Fast arithmetic simulates tensor cores.</param>
    public static GpuDevice CreateSimulated(Arithmetic arithmetic = Arithmetic.Exact)
    {
        var context = Context.Create(builder =>
        {
            GpuInstructions.Register(builder);
            builder.CPU(new CPUDevice(32, 8, 2)).Optimize(OptimizationLevel.O2);
        });
        return new GpuDevice(context, context.GetCPUDevice(0).CreateCPUAccelerator(context)) { Arithmetic = arithmetic };
    }

    /// <inheritdoc/>
    public override Tensor Allocate(ElementType type, int rows, int columns)
    {
        long bytes = checked((long)rows * columns * type.Size());
        return new GpuTensor(Take(bytes, $"a {type} tensor [{rows}, {columns}]"), type, rows, columns);
    }

    /// <inheritdoc/>
    public override KvPool AllocateKv(KvShape shape, int pages)
    {
        if (shape.Element == KvElement.F16)
            throw new NotSupportedException($"{Name}: a key-value cache in F16 was asked for; a GPU's is F32 or Q8.");
        long bytes = checked(pages * KvLayout.PageBytes(shape.Element, shape.KvHeads, shape.HeadDim) * shape.Layers);
        GpuMemory keys = Take(bytes, $"the keys of {pages} cache pages");
        try
        {
            return new GpuKvPool(keys, Take(bytes, $"the values of {pages} cache pages"), shape, pages);
        }
        catch
        {
            keys.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override RopeTable BuildRope(float theta, int headDim, int positions)
    {
        float[] cos = new float[positions * (headDim / 2)];
        float[] sin = new float[cos.Length];
        Rope.BuildTable(theta, headDim, positions, cos, sin);
        Tensor cosines = Allocate(ElementType.F32, positions, headDim / 2);
        Tensor sines = Allocate(ElementType.F32, positions, headDim / 2);
        Write<float>(cosines, cos);
        Write<float>(sines, sin);
        return new RopeTable(cosines, sines);
    }

    /// <inheritdoc/>
    public override unsafe void Write<T>(TensorView destination, ReadOnlySpan<T> values)
    {
        ArrayView<T> target = ViewOf<T>(destination, values.Length);
        if (values.IsEmpty)
            return;
        // CUDA's driver has copied pageable memory aside when the call returns; OpenCL's may read it later, so there it is waited for.
        fixed (T* pinned = values)
        {
            target.CopyFromCPUUnsafeAsync(_stream, ref *pinned, values.Length);
            if (_accelerator is not CudaAccelerator)
                _stream.Synchronize();
        }
    }

    /// <inheritdoc/>
    public override void Read<T>(TensorView source, Span<T> values)
    {
        ArrayView<T> from = ViewOf<T>(source, values.Length);
        if (values.Length > 0)
            from.CopyToCPU(_stream, values);
        _stream.Synchronize();
    }

    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination)
    {
        ArrayView<byte> from = Bytes(source);
        ArrayView<byte> to = Bytes(destination);
        if (from.Length > to.Length)
            throw new ArgumentException($"{source.Rows} rows do not fit {destination.Rows} of {destination.Columns} columns.", nameof(destination));
        if (from.Length > 0)
            from.CopyTo(_stream, to.SubView(0, from.Length));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _halves?.Dispose();
        _taps?.Dispose();
        _partialSums?.Dispose();
        _partialScales?.Dispose();
        foreach (IDisposable kernel in _kernels)
            kernel.Dispose();
        _stream.Dispose();
        _accelerator.Dispose();
        _context.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes memory; contents are undefined.</summary>
    internal GpuMemory Take(long bytes, string purpose)
    {
        // ILGPU has no empty buffers.
        long taken = Math.Max(bytes, 16);
        try
        {
            var memory = new GpuMemory(this, _accelerator.Allocate1D<byte>(taken));
            AllocatedBytes += taken;
            return memory;
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            throw new DeviceMemoryException(Name, bytes, purpose, e);
        }
    }

    internal void GiveBack(MemoryBuffer1D<byte, Stride1D.Dense> buffer)
    {
        AllocatedBytes -= buffer.Length;
        buffer.Dispose();
    }

    /// <summary>Memory that an operation uses while it runs; it grows to the largest use and stays.</summary>
    private ArrayView<byte> Scratch(ref GpuMemory? memory, long bytes, string purpose)
    {
        if (memory is null || memory.Bytes.Length < bytes)
        {
            // What was enqueued may still use the smaller one.
            _stream.Synchronize();
            memory?.Dispose();
            memory = null;
            memory = Take(bytes, purpose);
        }
        return memory.Bytes;
    }

    private GpuKernel<TArguments> Kernel<TArguments>(Action<TArguments> method)
        where TArguments : struct
    {
        var kernel = new GpuKernel<TArguments>(_accelerator, method);
        _kernels.Add(kernel);
        return kernel;
    }

    private static ArrayView<byte> Bytes(TensorView view)
    {
        long rowBytes = (long)view.Columns * view.Tensor.Type.Size();
        return ((GpuTensor)view.Tensor).Bytes.SubView(view.Row * rowBytes, view.Rows * rowBytes);
    }

    private static ArrayView<float> Floats(TensorView view) => Bytes(view).Cast<float>();

    private static ArrayView<int> Integers(TensorView view) => Bytes(view).Cast<int>();

    private static unsafe ArrayView<T> ViewOf<T>(TensorView view, int count)
        where T : unmanaged
    {
        ArrayView<byte> bytes = Bytes(view);
        if ((long)count * sizeof(T) > bytes.Length)
            throw new ArgumentException($"{count} values are more than {view.Rows} x {view.Columns}.", nameof(view));
        return bytes.SubView(0, (long)count * sizeof(T)).Cast<T>();
    }
}
