using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Threads;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Devices;

/// <content>How a product with packed quantised weights is shared among the threads.</content>
internal sealed unsafe partial class CpuDevice<TVector, TLanes>
{
    private readonly Workspace _activations = new("quantised activations");

    private protected override void Pack(CpuPackedWeight weight, IReadOnlyList<StoredTensor> parts)
    {
        for (int i = 0; i < parts.Count; i++)
        {
            AssembleInt8(parts[i].Type);
            var stored = new WeightSegment(parts[i].Data, parts[i].Type, weight.Segments[i].Rows, parts[i].PairedHeadDim);
            var job = new PackPanelsJob(stored, weight.Columns, (byte*)weight.Segments[i].Data);
            Team.For(PackedPanels.Count(weight.Segments[i].Rows), parts[i].ByteLength, ref job);
        }
    }

    private void MultiplyPacked(in MatMulArguments arguments)
    {
        var blocks = (ActivationBlock*)_activations.Bytes(ActivationBlocks.ByteLength(arguments.Rows, arguments.K));
        var quantize = new QuantizeJob(arguments, blocks);
        Team.For(Parts(arguments.Rows, RowsPerPart), (long)arguments.Rows * arguments.K, ref quantize);
        int panels = 0;
        for (int i = 0; i < arguments.SegmentCount; i++)
            panels += PackedPanels.Count(arguments.Segments[i].Rows);
        var parts = new ShrinkingParts(panels, arguments.Rows == 1 ? PackedRowCode.MostPanels : 1, Threads);
        var job = new PanelsJob(this, arguments, blocks, parts);
        Team.For(parts.Count, 2L * arguments.Rows * arguments.K * arguments.Columns, ref job);
    }

    private readonly struct PackPanelsJob(WeightSegment weight, int k, byte* packed) : ITeamJob
    {
        private readonly byte* _packed = packed;

        public void Run(int index, int thread) =>
            PackedPanels.Pack(weight, k, index, _packed + (index * PackedPanels.ByteLength(weight.Type, k)));
    }

    private readonly struct QuantizeJob(MatMulArguments arguments, ActivationBlock* blocks) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly ActivationBlock* _blocks = blocks;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            ActivationBlocks.Cpu<TVector, TLanes>(
                _arguments.A, _arguments.AStride, _arguments.Rows, _arguments.K, _blocks, first, Math.Min(first + RowsPerPart, _arguments.Rows));
        }
    }

    private readonly struct PanelsJob(
        CpuDevice<TVector, TLanes> device, MatMulArguments arguments, ActivationBlock* blocks, ShrinkingParts parts) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly ActivationBlock* _blocks = blocks;
        private readonly ShrinkingParts _parts = parts;
        private readonly Int8TileFunctions* _tiles = device.Int8Tiles;
        private readonly PackedRowFunctions* _rowFunctions = device.PackedRows;

        public void Run(int index, int thread)
        {
            (int first, int end) = _parts[index];
            byte* scratch = (byte*)device.Scratch(thread, QuantizedMatMul.ScratchBytes(_arguments.Rows) / sizeof(float));
            QuantizedMatMul.Panels<TVector, TLanes>(_arguments, _blocks, _tiles, _rowFunctions, first, end, scratch);
        }
    }
}
