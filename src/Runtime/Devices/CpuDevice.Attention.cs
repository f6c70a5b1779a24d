using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Threads;

namespace ChainOfSpot.Runtime.Devices;

/// <content>How attention is shared among the threads: blocks of rows that read the same keys and values, by key-value head.</content>
internal sealed unsafe partial class CpuDevice<TVector, TLanes>
{
    private readonly Workspace _packedHeads = new("the packed keys and values of a picture");

    public override void RopeAppend(TensorView qkv, in RaggedRows rows, RopeTable rope, KvPool pool, int layer)
    {
        var cpu = (CpuKvPool)pool;
        var job = new AppendJob(
            new KvAppendArguments
            {
                Qkv = Floats(qkv),
                QkvStride = qkv.Columns,
                Heads = (qkv.Columns / pool.Shape.HeadDim) - (2 * pool.Shape.KvHeads),
                KvHeads = pool.Shape.KvHeads,
                HeadDim = pool.Shape.HeadDim,
                Cos = Floats(rope.Cosines),
                Sin = Floats(rope.Sines),
                Positions = Integers(rows.Positions),
                Sequences = Integers(rows.Sequences),
                PageTable = Integers(rows.PageTable),
                MaxPages = rows.PageTable.Columns,
                KPool = cpu.Keys(layer),
                VPool = cpu.Values(layer),
                Element = pool.Shape.Element,
            },
            qkv.Rows);
        Team.For(Parts(qkv.Rows, RowsPerPart), (long)qkv.Rows * qkv.Columns * OperationsPerElement, ref job);
    }

    public override void Attention(TensorView qkv, in RaggedRows rows, KvPool pool, int layer, TensorView output)
    {
        var cpu = (CpuKvPool)pool;
        int heads = output.Columns / pool.Shape.HeadDim;
        var job = new AttentionJob(
            this,
            new AttentionArguments
            {
                Query = Floats(qkv),
                QueryStride = qkv.Columns,
                KPool = cpu.Keys(layer),
                VPool = cpu.Values(layer),
                Element = pool.Shape.Element,
                PageTable = Integers(rows.PageTable),
                MaxPages = rows.PageTable.Columns,
                Positions = Integers(rows.Positions),
                Sequences = Integers(rows.Sequences),
                Output = Floats(output),
                OutputStride = output.Columns,
                Heads = heads,
                KvHeads = pool.Shape.KvHeads,
                HeadDim = pool.Shape.HeadDim,
            },
            qkv.Rows,
            Kernels.Attention.RowsPerBlock(heads, pool.Shape.KvHeads));
        Team.For(job.Blocks * pool.Shape.KvHeads, 4L * qkv.Rows * output.Columns * LongestContext(rows), ref job);
    }

    /// <summary>Positions that the last row sees: the rows of a step ascend, so it is close to the most of any.</summary>
    private static int LongestContext(in RaggedRows rows) => Integers(rows.Positions)[rows.Positions.Rows - 1] + 1;

    public override void FullAttention(TensorView qkv, int rowsPerPicture, int heads, TensorView output)
    {
        int headDim = output.Columns / heads;
        var arguments = new FullAttentionArguments
        {
            Qkv = Floats(qkv),
            QkvStride = qkv.Columns,
            Output = Floats(output),
            OutputStride = output.Columns,
            ImageRows = rowsPerPicture,
            Heads = heads,
            HeadDim = headDim,
        };
        int pictures = qkv.Rows / rowsPerPicture;
        long packedFloats = Kernels.FullAttention.PackedFloats(rowsPerPicture, headDim);
        float* packed = _packedHeads.Floats(packedFloats * heads * pictures);
        var job = new FullAttentionJob(this, arguments, packed, packedFloats);
        Team.For(pictures * heads, 4L * qkv.Rows * output.Columns * rowsPerPicture, ref job);
    }

    private readonly struct AppendJob(KvAppendArguments arguments, int rows) : ITeamJob
    {
        private readonly KvAppendArguments _arguments = arguments;

        public void Run(int index, int thread)
        {
            int first = index * RowsPerPart;
            KvAppend.Cpu<TVector, TLanes>(_arguments, first, Math.Min(RowsPerPart, rows - first));
        }
    }

    /// <summary>A block of rows may end early where the next sequence begins: its rest is then a run of its own.</summary>
    private readonly struct AttentionJob(CpuDevice<TVector, TLanes> device, AttentionArguments arguments, int rows, int rowsPerBlock) : ITeamJob
    {
        private readonly AttentionArguments _arguments = arguments;

        public int Blocks => Parts(rows, rowsPerBlock);

        public void Run(int index, int thread)
        {
            // The longest rows first: they take longest, and the short ones fill the threads' last moments evenly.
            int block = Blocks - 1 - (index / _arguments.KvHeads);
            int kvHead = index % _arguments.KvHeads;
            float* workspace = device.Scratch(thread, Kernels.Attention.WorkspaceFloats(_arguments.HeadDim));
            int end = Math.Min((block + 1) * rowsPerBlock, rows);
            for (int first = block * rowsPerBlock; first < end;)
            {
                int run = 1;
                while (first + run < end && _arguments.Sequences[first + run] == _arguments.Sequences[first])
                    run++;
                Kernels.Attention.Cpu<TVector, TLanes>(_arguments, first, run, kvHead, workspace);
                first += run;
            }
        }
    }

    private readonly struct FullAttentionJob(
        CpuDevice<TVector, TLanes> device, FullAttentionArguments arguments, float* packed, long packedFloats) : ITeamJob
    {
        private readonly FullAttentionArguments _arguments = arguments;
        private readonly float* _packed = packed;

        public void Run(int index, int thread)
        {
            int picture = index / _arguments.Heads;
            int head = index % _arguments.Heads;
            float* mine = _packed + (index * packedFloats);
            Kernels.FullAttention.PackKeysAndValues(_arguments, picture, head, mine);
            Kernels.FullAttention.Cpu<TVector, TLanes>(
                _arguments, picture, head, 0, _arguments.ImageRows, mine, device.Scratch(thread, Kernels.FullAttention.WorkspaceFloats(_arguments.HeadDim)));
        }
    }
}
