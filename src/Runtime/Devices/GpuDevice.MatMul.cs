using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Runtime.Weights;
using ILGPU;
using ILGPU.Runtime;

namespace ChainOfSpot.Runtime.Devices;

/// <content>Weights and the matrix product.</content>
public sealed partial class GpuDevice
{
    private Dictionary<ElementType, GpuKernel<MatMulGpuArguments>>? _matMul;

    /// <inheritdoc/>
    public override unsafe Weight LoadWeight(IReadOnlyList<StoredTensor> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var loaded = new List<GpuWeightPart>();
        int columns = checked((int)(parts[0].ElementCount / parts[0].Shape[0]));
        int rows = 0;
        try
        {
            for (int first = 0; first < parts.Count;)
            {
                ElementType type = parts[first].Type;
                if (!MatMulKernels.ContainsKey(type))
                    throw new WeightFileException(parts[first].File, $"tensor {parts[first].Name} is {type}; expected F32, F16 or BF16.");
                int end = first + 1;
                while (end < parts.Count && parts[end].Type == type)
                    end++;
                IEnumerable<StoredTensor> alike = parts.Skip(first).Take(end - first);
                GpuMemory memory = Take(alike.Sum(part => part.ByteLength), $"the weights {parts[first].Name}");
                int alikeRows = checked((int)alike.Sum(part => part.Shape[0]));
                loaded.Add(new GpuWeightPart(memory, type, rows, alikeRows, type.RowBytes(columns)));
                rows += alikeRows;
                long offset = 0;
                foreach (StoredTensor part in alike)
                {
                    memory.Bytes.SubView(offset, part.ByteLength).CopyFromCPU(_stream, ref *(byte*)part.Data, part.ByteLength);
                    offset += part.ByteLength;
                }
                first = end;
            }
            _stream.Synchronize();
            return new GpuWeight(loaded, rows, columns);
        }
        catch
        {
            foreach (GpuWeightPart part in loaded)
                part.Memory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void MatMul(
        TensorView x, Weight weight, TensorView output, Tensor? bias = null, MatMulActivation activation = MatMulActivation.None, TensorView? residual = null)
    {
        var gpu = (GpuWeight)weight;
        if (x.Columns != weight.Columns || output.Columns != weight.Rows || output.Rows < x.Rows)
        {
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}] times [{weight.Rows}, {weight.Columns}] transposed does not fit [{output.Rows}, {output.Columns}].", nameof(x));
        }
        ArrayView<float> c = Floats(output);
        foreach (GpuWeightPart part in gpu.Parts)
        {
            MatMulKernels[part.Type].Launch(
                _stream,
                new Index3D((part.Rows + Kernels.MatMul.GpuOutputsPerGroup - 1) / Kernels.MatMul.GpuOutputsPerGroup, x.Rows, 1),
                new MatMulGpuArguments
                {
                    A = Floats(x),
                    W = part.Bytes,
                    RowBytes = part.RowBytes,
                    Bias = bias is null ? c : Floats(bias).SubView(part.FirstRow),
                    Residual = (residual is { } added ? Floats(added) : c).SubView(part.FirstRow),
                    C = c.SubView(part.FirstRow),
                    Rows = x.Rows,
                    K = x.Columns,
                    Columns = part.Rows,
                    CStride = output.Columns,
                    HasBias = bias is null ? 0 : 1,
                    HasResidual = residual is null ? 0 : 1,
                    Activation = (int)activation,
                });
        }
    }

    private Dictionary<ElementType, GpuKernel<MatMulGpuArguments>> MatMulKernels => _matMul ??= new()
    {
        [GpuF32.Type] = Kernel<MatMulGpuArguments>(Kernels.MatMul.Gpu<GpuF32>),
        [GpuF16.Type] = Kernel<MatMulGpuArguments>(Kernels.MatMul.Gpu<GpuF16>),
        [GpuBF16.Type] = Kernel<MatMulGpuArguments>(Kernels.MatMul.Gpu<GpuBF16>),
    };
}
