using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Devices;

/// <content>How a product in bf16 is shared among the threads.</content>
internal sealed unsafe partial class CpuDevice<TVector, TLanes>
{
    /// <summary>Rows from which on rounding and turning the weights pays: fewer are a matter of reading them.</summary>
    private const int SmallestBFloat16Rows = 16;

    public override DotProducts DotProductsOf(Weight weight, int rows) => weight switch
    {
        CpuPackedWeight => DotProducts.Bytes,
        CpuWeight stored when MultipliesInBFloat16(stored, rows) => DotProducts.BFloat16,
        _ => DotProducts.SinglePrecision,
    };

    private bool MultipliesInBFloat16(CpuWeight weight, int rows) =>
        BFloat16Tiles != null && rows >= SmallestBFloat16Rows
        && !Has(static type => !Kernels.MatMul.HasBFloat16Form(type), weight.Segments, weight.SegmentCount);

    private void MultiplyInBFloat16(in MatMulArguments arguments)
    {
        var rounded = (ushort*)_activations.Bytes(Kernels.MatMul.BFloat16Bytes(arguments.Rows, arguments.K));
        var round = new RoundJob(arguments, rounded);
        Team.For(Parts(arguments.Rows, RowsPerPart), (long)arguments.Rows * arguments.K, ref round);
        var panels = new BFloat16PanelJob(this, arguments, rounded);
        Team.For(Kernels.MatMul.BFloat16Panels(arguments.Columns), 2L * arguments.Rows * arguments.K * arguments.Columns, ref panels);
    }

    private readonly struct RoundJob(MatMulArguments arguments, ushort* rounded) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly ushort* _rounded = rounded;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            Kernels.MatMul.RoundToBFloat16(_arguments, _rounded, first, Math.Min(first + RowsPerPart, _arguments.Rows));
        }
    }

    private readonly struct BFloat16PanelJob(CpuDevice<TVector, TLanes> device, MatMulArguments arguments, ushort* rounded) : ITeamJob
    {
        private readonly MatMulArguments _arguments = arguments;
        private readonly ushort* _rounded = rounded;
        private readonly BFloat16TileFunctions* _tiles = device.BFloat16Tiles;

        public void Run(int index, int thread)
        {
            byte* scratch = (byte*)device.Scratch(thread, Kernels.MatMul.BFloat16ScratchBytes(_arguments.Rows) / sizeof(float));
            Kernels.MatMul.BFloat16Panel<TVector, TLanes>(_arguments, _rounded, _tiles, index, scratch);
        }
    }
}
