using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>The CPU device with vectors of one width.</summary>
internal sealed unsafe partial class CpuDevice<TVector, TLanes> : CpuDevice
    where TVector : struct
    where TLanes : ILanes<TVector>
{
    /// <summary>Rows that one part of a row-wise operation takes: enough to be worth a thread's while.</summary>
    private const int RowsPerPart = 4;

    /// <summary>What an element of a row-wise operation costs, roughly.</summary>
    private const int OperationsPerElement = 8;

    private readonly Workspace[] _scratch;
    private readonly Workspace _resample = new("resizing a picture");

    public CpuDevice(int threads, int vectorBits, Arithmetic arithmetic, AssembledKernels? assembled)
        : base(threads, vectorBits, arithmetic, assembled)
    {
        _scratch = new Workspace[threads];
        for (int i = 0; i < threads; i++)
            _scratch[i] = new Workspace("one thread's scratch memory");
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (Workspace scratch in _scratch)
            scratch.Dispose();
        _packed.Dispose();
        _sums.Dispose();
        _activations.Dispose();
        _packedHeads.Dispose();
        _resample.Dispose();
    }

    public override void GatherRows(TensorView source, TensorView indices, TensorView output) =>
        Gather(Data(source), source.Tensor.Type, source.Rows, source.Columns, indices, output);

    public override void EmbedTokens(Weight table, TensorView ids, TensorView output)
    {
        var cpu = (CpuWeight)table;
        Gather((byte*)cpu.Segments->Data, cpu.Segments->Type, table.Rows, table.Columns, ids, output);
    }

    public override void CropResize(TensorView picture, in ResampleGeometry geometry, Tensor levels, TensorView resized, TensorView pixels)
    {
        byte* workspace = _resample.Bytes(Kernels.CropResize.WorkspaceBytes(geometry));
        Kernels.CropResize.Prepare(geometry, workspace);
        var horizontal = new HorizontalJob(geometry, Data(picture), workspace);
        Team.For(Parts(geometry.Rows, RowsPerPart), (long)geometry.Rows * picture.Columns * OperationsPerElement, ref horizontal);
        var vertical = new VerticalJob(geometry, workspace, Data(resized), Floats(levels), Floats(pixels));
        Team.For(Parts(geometry.Vertical.Output, RowsPerPart), (long)pixels.Columns * OperationsPerElement, ref vertical);
    }

    public override void ExtractPatches(TensorView pixels, int side, int patch, TensorView patches) =>
        Kernels.ExtractPatches.Cpu(Floats(pixels), side, patch, Floats(patches), patches.Columns, 0, patches.Rows);

    public override void LayerNorm(TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output)
    {
        var job = new NormJob(Floats(x), Floats(weight), Floats(bias), epsilon, Floats(output), x.Columns, x.Rows);
        Team.For(Parts(x.Rows, RowsPerPart), (long)x.Rows * x.Columns * OperationsPerElement, ref job);
    }

    public override void RmsNorm(TensorView x, Tensor weight, float epsilon, TensorView output)
    {
        var job = new NormJob(Floats(x), Floats(weight), null, epsilon, Floats(output), x.Columns, x.Rows);
        Team.For(Parts(x.Rows, RowsPerPart), (long)x.Rows * x.Columns * OperationsPerElement, ref job);
    }

    public override void SwiGlu(TensorView gateUp, TensorView output)
    {
        var job = new SwiGluJob(Floats(gateUp), Floats(output), output.Columns, gateUp.Rows);
        Team.For(Parts(gateUp.Rows, RowsPerPart), (long)gateUp.Rows * gateUp.Columns * OperationsPerElement, ref job);
    }

    public override void ArgMax(TensorView logits, TensorView ids)
    {
        var job = new ArgMaxJob(Floats(logits), logits.Columns, Integers(ids));
        Team.For(logits.Rows, (long)logits.Rows * logits.Columns, ref job);
    }

    public override void TopK(TensorView logits, TensorView values, TensorView ids)
    {
        for (int row = 0; row < logits.Rows; row++)
        {
            int found = Kernels.TopK.Cpu<TVector, TLanes>(
                Floats(logits.Slice(row, 1)), logits.Columns, values.Columns, Floats(values.Slice(row, 1)), Integers(ids.Slice(row, 1)));
            new Span<int>(Integers(ids.Slice(row, 1)) + found, ids.Columns - found).Fill(-1);
        }
    }

    /// <summary>Scratch memory of one thread.</summary>
    private float* Scratch(int thread, long floats) => _scratch[thread].Floats(floats);

    private void Gather(byte* table, ElementType type, int tableRows, int columns, TensorView indices, TensorView output)
    {
        var job = new GatherJob(table, type, tableRows, columns, Integers(indices), Floats(output), output.Columns, indices.Rows);
        Team.For(Parts(indices.Rows, RowsPerPart), (long)indices.Rows * columns, ref job);
    }

    private static int Parts(int rows, int perPart) => (rows + perPart - 1) / perPart;

    private readonly struct GatherJob(
        byte* table, ElementType type, int tableRows, int columns, int* ids, float* output, nint stride, int rows) : ITeamJob
    {
        private readonly byte* _table = table;
        private readonly int* _ids = ids;
        private readonly float* _output = output;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            Kernels.GatherRows.Cpu<TVector, TLanes>(
                _table, type, columns, tableRows, columns, _ids, _output, stride, first, Math.Min(RowsPerPart, rows - first));
        }
    }

    private readonly struct HorizontalJob(ResampleGeometry geometry, byte* picture, byte* workspace) : ITeamJob
    {
        private readonly ResampleGeometry _geometry = geometry;
        private readonly byte* _picture = picture;
        private readonly byte* _workspace = workspace;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            Kernels.CropResize.HorizontalCpu<TVector, TLanes>(
                _geometry, _picture, _workspace, first, Math.Min(first + RowsPerPart, _geometry.Rows));
        }
    }

    private readonly struct VerticalJob(ResampleGeometry geometry, byte* workspace, byte* rgb, float* levels, float* planes) : ITeamJob
    {
        private readonly ResampleGeometry _geometry = geometry;
        private readonly byte* _workspace = workspace;
        private readonly byte* _rgb = rgb;
        private readonly float* _levels = levels;
        private readonly float* _planes = planes;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            Kernels.CropResize.VerticalCpu<TVector, TLanes>(
                _geometry, _workspace, _rgb, _levels, _planes, first, Math.Min(first + RowsPerPart, _geometry.Vertical.Output));
        }
    }

    private readonly struct NormJob(float* x, float* weight, float* bias, float epsilon, float* y, int columns, int rows) : ITeamJob
    {
        private readonly float* _x = x;
        private readonly float* _weight = weight;
        private readonly float* _bias = bias;
        private readonly float* _y = y;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            int count = Math.Min(RowsPerPart, rows - first);
            if (_bias == null)
                Kernels.RmsNorm.Cpu<TVector, TLanes>(_x, columns, _weight, epsilon, _y, columns, columns, first, count);
            else
                Kernels.LayerNorm.Cpu<TVector, TLanes>(_x, columns, _weight, _bias, epsilon, _y, columns, columns, first, count);
        }
    }

    private readonly struct SwiGluJob(float* gateUp, float* output, int columns, int rows) : ITeamJob
    {
        private readonly float* _gateUp = gateUp;
        private readonly float* _output = output;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            Kernels.SwiGlu.Cpu<TVector, TLanes>(_gateUp, 2 * columns, _output, columns, columns, first, Math.Min(RowsPerPart, rows - first));
        }
    }

    private readonly struct ArgMaxJob(float* logits, int columns, int* ids) : ITeamJob
    {
        private readonly float* _logits = logits;
        private readonly int* _ids = ids;

        public void Run(int index, int thread) => _ids[index] = Kernels.ArgMax.Cpu<TVector, TLanes>(_logits + ((long)index * columns), columns);
    }
}
