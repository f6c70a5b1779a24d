using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <content>The GPU form: the tile of <see cref="Attention"/> over the rows of a picture.</content>
public static unsafe partial class FullAttention
{
    /// <summary>A group 32 rows and a head; grid (rows / 32, heads); a tile that meets two pictures takes them one after the other.</summary>
    [GpuKernel(AttentionGpuTile.Threads, GroupsPerMultiprocessor = AttentionGpuTile.GroupsPerMultiprocessor)]
    public static void Gpu<THead>(AttentionGpuArguments arguments)
        where THead : struct, IGpuHeadWidth => AttentionGpuTile.Run<PictureKeys, THead>(arguments);

    /// <summary>The same on tensor cores, a group 64 rows: <see cref="AttentionGpuTensor"/>.</summary>
    [GpuKernel(AttentionGpuTensor.Threads, GroupsPerMultiprocessor = AttentionGpuTensor.GroupsPerMultiprocessor)]
    public static void GpuTensor<THead>(AttentionGpuArguments arguments)
        where THead : struct, IGpuHeadWidth => AttentionGpuTensor.Run<PictureKeys, THead>(arguments);

    /// <summary>Keys and values beside the queries in joined rows, each row up to the end of its picture.</summary>
    private readonly struct PictureKeys : IGpuKeys
    {
        public static int Sequence(AttentionGpuArguments arguments, int row) => row / arguments.ImageRows;

        public static int Visible(AttentionGpuArguments arguments, int row) => arguments.ImageRows;

        public static bool KeysAreTransposed => false;

        public static ArrayView<byte> Keys(AttentionGpuArguments arguments, int sequence, int head, int tile) =>
            Tile(arguments, sequence, arguments.Heads + head, tile);

        public static ArrayView<byte> Values(AttentionGpuArguments arguments, int sequence, int head, int tile) =>
            Tile(arguments, sequence, (2 * arguments.Heads) + head, tile);

        public static float Key(AttentionGpuArguments arguments, ArrayView<byte> keys, int position, int d) =>
            keys.Cast<float>()[(position * arguments.QkvStride) + d];

        public static float Value(AttentionGpuArguments arguments, ArrayView<byte> values, int position, int d) =>
            values.Cast<float>()[(position * arguments.QkvStride) + d];

        private static ArrayView<byte> Tile(AttentionGpuArguments arguments, int sequence, int head, int tile)
        {
            long row = ((long)sequence * arguments.ImageRows) + ((long)tile * KvLayout.PagePositions);
            long first = (row * arguments.QkvStride) + ((long)head * arguments.HeadDim);
            return arguments.Qkv.SubView(first, arguments.Qkv.Length - first).Cast<byte>();
        }
    }
}
