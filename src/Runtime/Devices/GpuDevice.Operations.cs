using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;

namespace ChainOfSpot.Runtime.Devices;

/// <content>The operations that go over rows and pictures.</content>
public sealed partial class GpuDevice
{
    private readonly Dictionary<ElementType, GpuKernel<GatherRowsGpuArguments>> _gatherRows;
    private readonly GpuKernel<NormGpuArguments> _layerNorm;
    private readonly GpuKernel<NormGpuArguments> _rmsNorm;
    private readonly GpuKernel<SwiGluGpuArguments> _swiGlu;
    private readonly GpuKernel<ExtractPatchesGpuArguments> _extractPatches;
    private readonly GpuKernel<CropResizeGpuArguments> _cropResize;
    private readonly GpuKernel<ArgMaxGpuArguments> _argMax;
    private readonly GpuKernel<TopKGpuArguments> _topK;
    private GpuMemory? _taps;

    /// <inheritdoc/>
    public override void GatherRows(TensorView source, TensorView indices, TensorView output) =>
        Gather(source.Tensor.Type, source.Rows, indices, output, new GatherRowsGpuArguments
        {
            Part = Bytes(source),
            PartRows = source.Rows,
            TableRows = source.Rows,
            RowBytes = source.Tensor.Type.RowBytes(source.Columns),
            Ids = Integers(indices),
            Y = Floats(output),
            Columns = source.Columns,
        });

    /// <inheritdoc/>
    public override void EmbedTokens(Weight table, TensorView ids, TensorView output)
    {
        foreach (GpuWeightPart part in ((GpuWeight)table).Parts)
        {
            Gather(part.Type, table.Rows, ids, output, new GatherRowsGpuArguments
            {
                Part = part.Bytes,
                FirstRow = part.FirstRow,
                PartRows = part.Rows,
                TableRows = table.Rows,
                RowBytes = part.RowBytes,
                Ids = Integers(ids),
                Y = Floats(output),
                Columns = table.Columns,
            });
        }
    }

    /// <inheritdoc/>
    public override unsafe void CropResize(
        TensorView picture, in ResampleGeometry geometry, Tensor levels, TensorView resized, TensorView pixels)
    {
        byte[] taps = new byte[Kernels.CropResize.TapBytes(geometry)];
        long rowTaps;
        fixed (byte* at = taps)
            rowTaps = Kernels.CropResize.FillTaps(geometry, at);
        ArrayView<byte> deviceTaps = Scratch(ref _taps, taps.Length, "the taps of a resize").SubView(0, taps.Length);
        deviceTaps.CopyFromCPU(_stream, taps);
        int width = geometry.Horizontal.Output;
        int height = geometry.Vertical.Output;
        _cropResize.Launch(
            _stream,
            new Index3D(Groups(width, Kernels.CropResize.GpuSide), Groups(height, Kernels.CropResize.GpuSide), 1),
            new CropResizeGpuArguments
            {
                Picture = Bytes(picture),
                Taps = deviceTaps,
                Levels = Floats(levels),
                Rgb = Bytes(resized),
                Planes = Floats(pixels),
                PictureWidth = geometry.Horizontal.Picture,
                Width = width,
                Height = height,
                ColumnStride = Kernels.CropResize.TapStride(geometry.Horizontal),
                RowStride = Kernels.CropResize.TapStride(geometry.Vertical),
                RowTaps = rowTaps,
            });
    }

    /// <inheritdoc/>
    public override void ExtractPatches(TensorView pixels, int side, int patch, TensorView patches) => _extractPatches.Launch(
        _stream,
        new Index3D(Groups(patches.Columns, Kernels.ExtractPatches.GpuThreads), patches.Rows, 1),
        new ExtractPatchesGpuArguments { Pixels = Floats(pixels), Y = Floats(patches), Side = side, Patch = patch });

    /// <inheritdoc/>
    public override void LayerNorm(TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output) =>
        Norm(_layerNorm, x, weight, bias, epsilon, output);

    /// <inheritdoc/>
    public override void RmsNorm(TensorView x, Tensor weight, float epsilon, TensorView output) =>
        Norm(_rmsNorm, x, weight, bias: weight, epsilon, output);

    /// <inheritdoc/>
    public override void SwiGlu(TensorView gateUp, TensorView output) => _swiGlu.Launch(
        _stream,
        new Index3D(Groups(output.Columns, Kernels.SwiGlu.GpuThreads), gateUp.Rows, 1),
        new SwiGluGpuArguments { GateUp = Floats(gateUp), Y = Floats(output), Columns = output.Columns });

    /// <inheritdoc/>
    public override void ArgMax(TensorView logits, TensorView ids) => _argMax.Launch(
        _stream,
        new Index3D(logits.Rows, 1, 1),
        new ArgMaxGpuArguments { X = Floats(logits), Ids = Integers(ids), Columns = logits.Columns });

    /// <inheritdoc/>
    public override void TopK(TensorView logits, TensorView values, TensorView ids) => _topK.Launch(
        _stream,
        new Index3D(logits.Rows, 1, 1),
        new TopKGpuArguments
        {
            X = Floats(logits),
            Values = Floats(values),
            Ids = Integers(ids),
            Columns = logits.Columns,
            K = values.Columns,
        });

    /// <summary>Launches a norm; one without a bias reads none, but an argument has to be some memory.</summary>
    private void Norm(GpuKernel<NormGpuArguments> kernel, TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output) =>
        kernel.Launch(
            _stream,
            new Index3D(x.Rows, 1, 1),
            new NormGpuArguments
            {
                X = Floats(x),
                Weight = Floats(weight),
                Bias = Floats(bias),
                Y = Floats(output),
                Columns = x.Columns,
                Epsilon = epsilon,
            });

    private void Gather(ElementType type, int tableRows, TensorView ids, TensorView output, in GatherRowsGpuArguments arguments)
    {
        if (output.Rows < ids.Rows || output.Columns != arguments.Columns)
        {
            throw new ArgumentException(
                $"{ids.Rows} rows of [{tableRows}, {arguments.Columns}] do not fit [{output.Rows}, {output.Columns}].", nameof(output));
        }
        _gatherRows[type].Launch(
            _stream, new Index3D(Groups(arguments.Columns, Kernels.GatherRows.GpuThreads), ids.Rows, 1), arguments);
    }

    private static int Groups(int items, int perGroup) => (items + perGroup - 1) / perGroup;

    private GpuKernel<GatherRowsGpuArguments> GatherKernel<TElement>()
        where TElement : struct, IGpuElement => Kernel<GatherRowsGpuArguments>(Kernels.GatherRows.Gpu<TElement>);
}
