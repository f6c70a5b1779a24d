using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Devices;

/// <content>How a matrix product is shared among the threads.</content>
internal sealed unsafe partial class CpuDevice<TVector, TLanes>
{
    /// <summary>The fewest outputs of one row that a thread takes at once.</summary>
    private const int VectorOutputs = 128;

    /// <summary>
    /// The most rows that are multiplied one after the other with weights that the first of them brought into the L2 cache: for so
    /// few, widening the weights into panels costs more than it saves.
    /// </summary>
    private const int MostRepeatedRows = 3;

    /// <summary>Outputs whose weights are still in the L2 cache when the next row comes.</summary>
    private const int RepeatedOutputs = 16;

    private readonly Workspace _packed = new("packed activations");
    private readonly Workspace _wantedRows = new("the addresses of some of a weight's rows");
    private readonly Workspace _wantedProducts = new("products of panels of which some rows are wanted");
    private readonly Workspace _sums = new("sums of a long matrix product");

    public override void MatMul(
        TensorView x, Weight weight, TensorView output, Tensor? bias, MatMulActivation activation, TensorView? residual)
    {
        var cpu = (CpuWeight)weight;
        if (x.Columns != weight.Columns || output.Columns != weight.Rows || output.Rows < x.Rows)
        {
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}] times [{weight.Rows}, {weight.Columns}] transposed does not fit [{output.Rows}, {output.Columns}].", nameof(x));
        }
        for (int first = 0; first < x.Rows; first += Kernels.MatMul.LongestRowBlock)
        {
            int rows = Math.Min(Kernels.MatMul.LongestRowBlock, x.Rows - first);
            var arguments = new MatMulArguments
            {
                A = Floats(x.Slice(first, rows)),
                AStride = x.Columns,
                Rows = rows,
                K = x.Columns,
                Segments = cpu.Segments,
                SegmentCount = cpu.SegmentCount,
                Columns = weight.Rows,
                Bias = bias is null ? null : Floats(bias),
                Activation = activation,
                Residual = residual is { } added ? Floats(added.Slice(first, rows)) : null,
                C = Floats(output.Slice(first, rows)),
                CStride = output.Columns,
            };
            switch (DotProductsOf(cpu, rows))
            {
                case DotProducts.Bytes:
                    MultiplyPacked(arguments);
                    break;
                case DotProducts.BFloat16:
                    MultiplyInBFloat16(arguments);
                    break;
                default:
                    MultiplyBlock(arguments);
                    break;
            }
        }
    }

    /// <summary>
    /// The rows that are wanted, or the panels that hold them, are segments to the same kernels, so the bits are those of the whole
    /// product.
    /// </summary>
    public override void MatMulRows(TensorView x, Weight weight, TensorView rows, TensorView output)
    {
        var cpu = (CpuWeight)weight;
        if (x.Columns != weight.Columns || output.Columns != rows.Rows || output.Rows < x.Rows || x.Rows > Kernels.MatMul.LongestRowBlock)
        {
            throw new ArgumentException(
                $"[{x.Rows}, {x.Columns}] times {rows.Rows} rows of {weight.Columns} transposed does not fit [{output.Rows}, {output.Columns}].", nameof(x));
        }
        int wanted = rows.Rows;
        var segments = (WeightSegment*)_wantedRows.Bytes((long)wanted * (sizeof(WeightSegment) + sizeof(int)));
        int* columns = (int*)(segments + wanted);
        int computed = 0;
        for (int i = 0; i < wanted; i++)
        {
            segments[i] = cpu.RowsWith(Integers(rows)[i], out int place);
            columns[i] = computed + place;
            computed += segments[i].Rows;
        }
        float* products = computed == wanted ? Floats(output) : _wantedProducts.Floats((long)x.Rows * computed);
        var arguments = new MatMulArguments
        {
            A = Floats(x),
            AStride = x.Columns,
            Rows = x.Rows,
            K = x.Columns,
            Segments = segments,
            SegmentCount = wanted,
            Columns = computed,
            C = products,
            CStride = computed,
        };
        if (cpu is not CpuPackedWeight)
        {
            MultiplyBlock(arguments);
            return;
        }
        MultiplyPacked(arguments);
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < wanted; i++)
                Floats(output)[(row * wanted) + i] = products[(row * computed) + columns[i]];
        }
    }

    /// <summary>Whether a weight has a segment of such a type.</summary>
    private static bool Has(Func<ElementType, bool> isSuch, WeightSegment* segments, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (isSuch(segments[i].Type))
                return true;
        }
        return false;
    }

    private void MultiplyBlock(in MatMulArguments arguments)
    {
        long work = 2L * arguments.Rows * arguments.K * arguments.Columns;
        bool isRepeated = arguments.Rows == 1 || (arguments.Rows <= MostRepeatedRows
            && !Has(static type => type.IsQuantized(), arguments.Segments, arguments.SegmentCount));
        if (isRepeated)
        {
            var parts = new ShrinkingParts(arguments.Columns, VectorOutputs, Team.Threads);
            var vector = new VectorJob(arguments, parts, Float16Rows);
            Team.For(parts.Count, work, ref vector);
            return;
        }

        int chunks = Kernels.MatMul.ChunkCount(arguments.K);
        float* packed = _packed.Floats(Kernels.MatMul.PackedFloats(arguments.Rows, arguments.K));
        bool sumsInC = arguments.Residual == null;
        float* sums = sumsInC ? arguments.C : _sums.Floats((long)arguments.Rows * arguments.Columns);
        nint sumsStride = sumsInC ? arguments.CStride : arguments.Columns;
        var pack = new PackJob(arguments, packed);
        Team.For((arguments.Rows + Kernels.MatMul.TileSide - 1) / Kernels.MatMul.TileSide, (long)arguments.Rows * arguments.K, ref pack);
        int panelRows = Kernels.MatMul.PanelRows(arguments.K);
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            var panel = new PanelJob(this, arguments, packed, sums, sumsStride, chunk);
            Team.For((arguments.Columns + panelRows - 1) / panelRows, work / chunks, ref panel);
        }
    }

    private readonly struct VectorJob(MatMulArguments arguments, ShrinkingParts parts, nint float16Rows) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly ShrinkingParts _parts = parts;

        public void Run(int index, int thread)
        {
            (int first, int end) = _parts[index];
            int step = _arguments.Rows == 1 ? end - first : RepeatedOutputs;
            for (; first < end; first += step)
            {
                for (int row = 0; row < _arguments.Rows; row++)
                    Kernels.MatMul.Vector<TVector, TLanes>(_arguments.Row(row), first, Math.Min(first + step, end), float16Rows);
            }
        }
    }

    private readonly struct PackJob(MatMulArguments arguments, float* packed) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly float* _packed = packed;

        public void Run(int index, int thread) => Kernels.MatMul.Pack<TVector, TLanes>(_arguments, _packed, index);
    }

    private readonly struct PanelJob(
        CpuDevice<TVector, TLanes> device, MatMulArguments arguments, float* packed, float* sums, nint sumsStride, int chunk) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly float* _packed = packed;
        private readonly float* _sums = sums;

        public void Run(int index, int thread) =>
            Kernels.MatMul.Panel<TVector, TLanes>(
                _arguments, _packed, _sums, sumsStride, chunk, index, device.Scratch(thread, Kernels.MatMul.PanelScratchFloats(_arguments.K)));
    }
}
