using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Gpu;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Runtime.Weights;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace ChainOfSpot.Runtime.Devices;

/// <content>Weights and the matrix product.</content>
public sealed partial class GpuDevice
{
    // Stored rows on their way into the kernels' layout; more would not be faster.
    private const int StagingBytes = 32 << 20;

    // Tiles of few rows, or of narrow matrices, are fewer than a large GPU has multiprocessors (108 to 148): up to so many groups share
    // them, one on each where arithmetic is the limit, two where the memory is, which one alone asks for too few bytes at a time.
    private const int SplitTileGroups = 128;
    private const int SplitLowTileGroups = 256;

    // A shorter sum would be over before its loads are under way.
    private const int LeastSplitGroups = 8;

    private readonly GpuKernel<MatMulGpuArguments> _combineTiles;
    private Dictionary<ElementType, WeightKernels>? _weightKernels;

    /// <inheritdoc/>
    public override Weight LoadWeight(IReadOnlyList<StoredTensor> parts)
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
                if (!KernelsByType.ContainsKey(type))
                    throw new WeightFileException(parts[first].File, $"tensor {parts[first].Name} is {type}; expected a type of weights.");
                int end = first + 1;
                while (end < parts.Count && parts[end].Type == type)
                    end++;
                StoredTensor[] alike = [.. parts.Skip(first).Take(end - first)];
                long rowBytes = PackedRowBytes(type, columns);
                int alikeRows = checked((int)alike.Sum(part => part.Shape[0]));
                GpuMemory memory = Take(alikeRows * rowBytes, $"the weights {parts[first].Name}");
                loaded.Add(new GpuWeightPart(memory, type, rows, alikeRows, rowBytes));
                rows += alikeRows;
                long offset = 0;
                foreach (StoredTensor part in alike)
                {
                    long bytes = part.Shape[0] * rowBytes;
                    Load(part, columns, rowBytes, memory.Bytes.SubView(offset, bytes));
                    offset += bytes;
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
        ArrayView<GpuUInt4>? halves = null;
        foreach (GpuWeightPart part in gpu.Parts)
        {
            var arguments = new MatMulGpuArguments
            {
                A = Floats(x),
                W = part.Bytes.Cast<GpuUInt4>(),
                RowWords = checked((int)(part.RowBytes / 16)),
                Bias = bias is null ? c : Floats(bias).SubView(part.FirstRow),
                Residual = (residual is { } added ? Floats(added) : c).SubView(part.FirstRow),
                C = c.SubView(part.FirstRow),
                Rows = x.Rows,
                K = x.Columns,
                Groups = Groups(x.Columns),
                Columns = part.Rows,
                CStride = output.Columns,
                HasBias = bias is null ? 0 : 1,
                HasResidual = residual is null ? 0 : 1,
                Activation = (int)activation,
                RowIds = c.Cast<int>(),
                PartialSums = c,
            };
            WeightKernels kernels = KernelsByType[part.Type];
            if (x.Rows <= Kernels.MatMul.GpuVectorRows)
            {
                kernels.MultiplyVectors(_stream, arguments);
            }
            else if (UsesTensorCores)
            {
                halves ??= Halves(x);
                MultiplyOnTensorCores(kernels, halves.Value, part, arguments);
            }
            else
            {
                (GpuKernel<MatMulGpuArguments> kernel, int tileRows) = kernels.TileFor(x.Rows);
                MatMulGpuArguments split = Split(arguments, tileRows, Kernels.MatMul.GpuTileColumns, out Index3D grid);
                kernel.Launch(_stream, grid, split);
                CombineTiles(split);
            }
        }
    }

    /// <summary>
    /// How a product is cut into tiles and, where these are few, their sums into parts. A function of shapes alone, as the order of
    /// a sum depends on it.
    /// </summary>
    private MatMulGpuArguments Split(in MatMulGpuArguments product, int tileRows, int tileColumns, out Index3D grid)
    {
        int across = Groups(product.Columns, tileColumns);
        int down = Groups(product.Rows, tileRows);
        int most = product.Rows <= WeightKernels.LowTileRows ? SplitLowTileGroups : SplitTileGroups;
        int wanted = Math.Clamp(most / (across * down), 1, Math.Max(1, product.Groups / LeastSplitGroups));
        int splitGroups = Groups(product.Groups, wanted);
        int splits = Groups(product.Groups, splitGroups);
        grid = new Index3D(across, down, splits);
        long bytes = (long)splits * product.Rows * product.Columns * sizeof(float);
        return product with
        {
            Splits = splits,
            SplitGroups = splitGroups,
            PartialSums = splits == 1 ? product.C : Scratch(ref _partialSums, bytes, "the sums of a split product").Cast<float>(),
        };
    }

    private void CombineTiles(in MatMulGpuArguments product)
    {
        if (product.Splits > 1)
            _combineTiles.Launch(_stream, new Index3D(Groups(product.Columns, Kernels.MatMul.GpuCombineThreads), product.Rows, 1), product);
    }

    /// <inheritdoc/>
    public override void MatMulRows(TensorView x, Weight weight, TensorView rows, TensorView output)
    {
        if (x.Columns != weight.Columns || output.Columns != rows.Rows || output.Rows < x.Rows)
        {
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}] times {rows.Rows} rows of [{weight.Rows}, {weight.Columns}] transposed does not fit [{output.Rows}, {output.Columns}].",
                nameof(x));
        }
        for (int first = 0; first < x.Rows; first += Kernels.MatMul.GpuVectorRows)
        {
            int count = Math.Min(Kernels.MatMul.GpuVectorRows, x.Rows - first);
            ArrayView<float> c = Floats(output.Slice(first, count));
            foreach (GpuWeightPart part in ((GpuWeight)weight).Parts)
            {
                KernelsByType[part.Type].MultiplyVectors(_stream, new MatMulGpuArguments
                {
                    A = Floats(x.Slice(first, count)),
                    W = part.Bytes.Cast<GpuUInt4>(),
                    RowWords = checked((int)(part.RowBytes / 16)),
                    Bias = c,
                    Residual = c,
                    C = c,
                    Rows = count,
                    K = x.Columns,
                    Groups = Groups(x.Columns),
                    Columns = rows.Rows,
                    CStride = output.Columns,
                    PartialSums = c,
                    RowIds = Integers(rows),
                    HasRowIds = 1,
                    PartFirstRow = part.FirstRow,
                    PartRows = part.Rows,
                });
            }
        }
    }

    private static int Groups(int columns) => (columns + IGpuElement.GroupWeights - 1) / IGpuElement.GroupWeights;

    /// <summary>Bytes of a row in the layout of <see cref="IGpuElement"/>.</summary>
    private static long PackedRowBytes(ElementType type, int columns) =>
        (type.RowBytes(type.IsQuantized() ? columns : (long)Groups(columns) * IGpuElement.GroupWeights) + 15) / 16 * 16;

    /// <summary>Copies a tensor, through staging memory and a packing kernel unless its rows lie as the kernels want them.</summary>
    private void Load(StoredTensor part, int columns, long rowBytes, ArrayView<byte> target)
    {
        long storedRowBytes = part.Type.RowBytes(columns);
        if (!part.Type.IsQuantized() && storedRowBytes == rowBytes)
        {
            CopyRows(part, 0, storedRowBytes, target);
            return;
        }
        int rows = checked((int)part.Shape[0]);
        int chunk = (int)Math.Clamp(StagingBytes / storedRowBytes, 1, rows);
        using GpuMemory staging = Take(chunk * storedRowBytes, $"staging the weights {part.Name}");
        for (int row = 0; row < rows; row += chunk)
        {
            int count = Math.Min(chunk, rows - row);
            ArrayView<byte> source = staging.Bytes.SubView(0, count * storedRowBytes);
            CopyRows(part, row, storedRowBytes, source);
            KernelsByType[part.Type].Pack(_stream, new PackRowsGpuArguments
            {
                Source = source,
                Target = target.SubView(row * rowBytes, count * rowBytes),
                Rows = count,
                SourceRowBytes = storedRowBytes,
                TargetRowBytes = rowBytes,
                Groups = Groups(columns),
            });
        }
        // The staging memory is given back.
        _stream.Synchronize();
    }

    /// <summary>Copies rows as stored, from <paramref name="firstRow"/> on, in the order of the layer's outputs.</summary>
    private unsafe void CopyRows(StoredTensor part, int firstRow, long rowBytes, ArrayView<byte> target)
    {
        byte* stored = (byte*)part.Data;
        if (part.PairedHeadDim == 0)
        {
            target.CopyFromCPU(_stream, ref *(stored + (firstRow * rowBytes)), target.Length);
            return;
        }
        var segment = new WeightSegment(part.Data, part.Type, checked((int)part.Shape[0]), part.PairedHeadDim);
        for (int i = 0; i < target.Length / rowBytes; i++)
            target.SubView(i * rowBytes, rowBytes).CopyFromCPU(_stream, ref *(stored + (segment.StoredRow(firstRow + i) * rowBytes)), rowBytes);
    }

    private Dictionary<ElementType, WeightKernels> KernelsByType => _weightKernels ??= new()
    {
        [ElementType.F32] = WeightKernels.Plain<GpuF32>(this, Kernels.MatMul.GpuTensorWidened<GpuF32>),
        [ElementType.F16] = _accelerator is CudaAccelerator
            ? WeightKernels.Plain<GpuNativeF16>(this, Kernels.MatMul.GpuTensor, Kernels.MatMul.GpuTensorLow)
            : WeightKernels.Plain<GpuF16>(this, Kernels.MatMul.GpuTensor, Kernels.MatMul.GpuTensorLow),
        [ElementType.BF16] = WeightKernels.Plain<GpuBF16>(this, Kernels.MatMul.GpuTensorWidened<GpuBF16>),
        [ElementType.Q4_0] = WeightKernels.Blocks<GpuQ4_0>(this),
        [ElementType.Q4_1] = WeightKernels.Blocks<GpuQ4_1>(this),
        [ElementType.Q5_0] = WeightKernels.Blocks<GpuQ5_0>(this),
        [ElementType.Q5_1] = WeightKernels.Blocks<GpuQ5_1>(this),
        [ElementType.Q8_0] = WeightKernels.Blocks<GpuQ8_0>(this),
        [ElementType.Q2_K] = WeightKernels.Blocks<GpuQ2_K>(this),
        [ElementType.Q3_K] = WeightKernels.Blocks<GpuQ3_K>(this),
        [ElementType.Q4_K] = WeightKernels.Blocks<GpuQ4_K>(this),
        [ElementType.Q5_K] = WeightKernels.Blocks<GpuQ5_K>(this),
        [ElementType.Q6_K] = WeightKernels.Blocks<GpuQ6_K>(this),
        [ElementType.IQ4_NL] = WeightKernels.Blocks<GpuIQ4_NL>(this),
        [ElementType.IQ4_XS] = WeightKernels.Blocks<GpuIQ4_XS>(this),
    };

    /// <summary>The kernels for weights of one type, each compiled when it is first needed.</summary>
    private sealed class WeightKernels
    {
        // Above so many rows a tile of 32 rows would read the weights too often.
        public const int LowTileRows = 64;

        private readonly GpuKernel<PackRowsGpuArguments> _pack;
        private readonly bool _packsGroups;
        private readonly GpuKernel<MatMulGpuArguments> _one;
        private readonly GpuKernel<MatMulGpuArguments> _two;
        private readonly GpuKernel<MatMulGpuArguments> _four;
        private readonly GpuKernel<MatMulGpuArguments> _low;
        private readonly GpuKernel<MatMulGpuArguments> _tall;

        private WeightKernels(
            GpuDevice device,
            Action<PackRowsGpuArguments> pack,
            bool packsGroups,
            Action<MatMulTensorGpuArguments> tensor,
            Action<MatMulTensorGpuArguments>? lowTensor,
            Action<MatMulGpuArguments>[] products)
        {
            Tensor = device.Kernel(tensor);
            LowTensor = lowTensor is null ? null : device.Kernel(lowTensor);
            _pack = device.Kernel(pack);
            _packsGroups = packsGroups;
            _one = device.Kernel(products[0]);
            _two = device.Kernel(products[1]);
            _four = device.Kernel(products[2]);
            _low = device.Kernel(products[3]);
            _tall = device.Kernel(products[4]);
        }

        /// <summary>For CUDA alone.</summary>
        public GpuKernel<MatMulTensorGpuArguments> Tensor { get; }

        /// <summary>The same for few rows; null where the other one serves them too.</summary>
        public GpuKernel<MatMulTensorGpuArguments>? LowTensor { get; }

        public static WeightKernels Plain<TElement>(
            GpuDevice device, Action<MatMulTensorGpuArguments> tensor, Action<MatMulTensorGpuArguments>? lowTensor = null)
            where TElement : struct, IGpuElement => new(device, GpuPackRows.Plain, false, tensor, lowTensor, Products<TElement>());

        public static WeightKernels Blocks<TFormat>(GpuDevice device)
            where TFormat : struct, IGpuBlockFormat =>
            new(device, GpuPackRows.Blocks<TFormat>, true, Kernels.MatMul.GpuTensorWidened<GpuBlocks<TFormat>>, null, Products<GpuBlocks<TFormat>>());

        public void Pack(AcceleratorStream stream, in PackRowsGpuArguments arguments)
        {
            long threads = _packsGroups ? (long)arguments.Rows * arguments.Groups : arguments.Rows * arguments.TargetRowBytes / 2;
            _pack.Launch(stream, new Index3D(checked((int)((threads + GpuPackRows.Threads - 1) / GpuPackRows.Threads)), 1, 1), arguments);
        }

        /// <summary>At most four rows.</summary>
        public void MultiplyVectors(AcceleratorStream stream, in MatMulGpuArguments arguments)
        {
            GpuKernel<MatMulGpuArguments> kernel = arguments.Rows == 1 ? _one : arguments.Rows == 2 ? _two : _four;
            int groups = Groups(arguments.Columns, Kernels.MatMul.GpuVectorColumns);
            kernel.Launch(stream, new Index3D(groups, arguments.Rows == 0 ? 0 : 1, 1), arguments);
        }

        /// <summary>The kernel for more rows, and how many of them a tile has.</summary>
        public (GpuKernel<MatMulGpuArguments> Kernel, int TileRows) TileFor(int rows) =>
            rows <= LowTileRows ? (_low, Kernels.MatMul.GpuRows<GpuLowTile>()) : (_tall, Kernels.MatMul.GpuRows<GpuTallTile>());

        private static Action<MatMulGpuArguments>[] Products<TElement>()
            where TElement : struct, IGpuElement =>
        [
            Kernels.MatMul.GpuVector<TElement, GpuOneRow>,
            Kernels.MatMul.GpuVector<TElement, GpuTwoRows>,
            Kernels.MatMul.GpuVector<TElement, GpuFourRows>,
            Kernels.MatMul.GpuTile<TElement, GpuLowTile>,
            Kernels.MatMul.GpuTile<TElement, GpuTallTile>,
        ];
    }
}
