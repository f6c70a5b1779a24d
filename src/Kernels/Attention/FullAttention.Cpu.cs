using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form. Keys and values of an image and head are packed once into the tiles of the KV cache
/// (<see cref="PackKeysAndValues"/>; in the L2 cache for the usual towers); blocks of 24 queries pass over them.
/// </content>
public static unsafe partial class FullAttention
{
    /// <summary>Floats of the packed keys and values of one image and head.</summary>
    public static int PackedFloats(int imageRows, int headDim) => 2 * Tiles(imageRows) * KvLayout.TileFloats(headDim);

    /// <summary>Floats of workspace of one task; 64-byte alignment is faster.</summary>
    public static int WorkspaceFloats(int headDim) => AttentionBlock.WorkspaceFloats(headDim);

    /// <summary>Rows that share one reading of K and V: tasks are best cut at multiples of it.</summary>
    public static int RowsPerBlock => AttentionBlock.Queries;

    /// <summary>Packs the keys, transposed, and values of one image and head: [tile][K tile, V tile].</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="image">The image.</param>
    /// <param name="head">The head.</param>
    /// <param name="packed"><see cref="PackedFloats"/> floats.</param>
    public static void PackKeysAndValues(in FullAttentionArguments arguments, int image, int head, float* packed)
    {
        int headDim = arguments.HeadDim;
        int rows = arguments.ImageRows;
        for (int row = 0; row < rows; row++)
        {
            float* kTile = KTile(packed, row / KvLayout.PagePositions, headDim);
            int position = row % KvLayout.PagePositions;
            float* k = arguments.Part(1, ((long)image * rows) + row, head);
            for (int d = 0; d < headDim; d++)
                kTile[(d * KvLayout.PagePositions) + position] = k[d];
            var v = new ReadOnlySpan<float>(arguments.Part(2, ((long)image * rows) + row, head), headDim);
            v.CopyTo(new Span<float>(kTile + KvLayout.TileFloats(headDim) + (position * headDim), headDim));
        }
    }

    /// <summary>Attends some rows of one image with one head.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="image">The image.</param>
    /// <param name="head">The head.</param>
    /// <param name="firstRow">The first query row, counted in the image.</param>
    /// <param name="rows">The number of query rows.</param>
    /// <param name="packed">What <see cref="PackKeysAndValues"/> made for this image and head.</param>
    /// <param name="workspace"><see cref="WorkspaceFloats"/> floats.</param>
    public static void Cpu<TVector, TLanes>(
        in FullAttentionArguments arguments, int image, int head, int firstRow, int rows, float* packed, float* workspace)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int headDim = arguments.HeadDim;
        int imageRows = arguments.ImageRows;
        var block = new AttentionBlock<TVector, TLanes>(workspace, headDim);
        int* visible = stackalloc int[AttentionBlock.Queries];
        for (int first = firstRow; first < firstRow + rows; first += AttentionBlock.Queries)
        {
            int count = Math.Min(AttentionBlock.Queries, firstRow + rows - first);
            long row = ((long)image * imageRows) + first;
            for (int i = 0; i < count; i++)
                block.SetQuery(i, arguments.Part(0, row + i, head));
            for (int tile = 0; tile < Tiles(imageRows); tile++)
            {
                new Span<int>(visible, count).Fill(Math.Min(KvLayout.PagePositions, imageRows - (tile * KvLayout.PagePositions)));
                float* kTile = KTile(packed, tile, headDim);
                float* next = KTile(packed, Math.Min(tile + 1, Tiles(imageRows) - 1), headDim);
                block.AddTile<KvF32>((byte*)kTile, (byte*)(kTile + KvLayout.TileFloats(headDim)), (byte*)next, visible, count);
            }
            for (int i = 0; i < count; i++)
                block.Finish(i, arguments.Output + ((row + i) * arguments.OutputStride) + (head * headDim));
        }
    }

    private static int Tiles(int imageRows) => (imageRows + KvLayout.PagePositions - 1) / KvLayout.PagePositions;

    private static float* KTile(float* packed, int tile, int headDim) => packed + (2L * tile * KvLayout.TileFloats(headDim));
}
