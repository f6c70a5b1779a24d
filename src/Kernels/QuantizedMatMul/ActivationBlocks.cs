using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// Activations [M, K] fp32 to blocks of 32 int8 with a scale: K is cut into chunks of <see cref="ChunkBlocks"/> blocks, and the blocks
/// lie as [chunk][row][block], so that one chunk of all rows is a stream. Each row is quantised by itself: no bit depends on the
/// rows beside it. Reads 4MK bytes, writes 1.5 MK.
/// </summary>
public static unsafe class ActivationBlocks
{
    /// <summary>Blocks of a chunk of K; the last chunk may have fewer.</summary>
    public const int ChunkBlocks = 8;

    /// <summary>The memory of all blocks.</summary>
    public static long ByteLength(int rows, int k) => (long)rows * (k / ActivationBlock.Length) * sizeof(ActivationBlock);

    /// <summary>The first block of a row in a chunk that begins with block <paramref name="firstBlock"/> and has <paramref name="count"/> blocks.</summary>
    public static ActivationBlock* Find(ActivationBlock* blocks, int rows, int row, int firstBlock, int count) =>
        blocks + ((long)firstBlock * rows) + ((long)row * count);

    /// <summary>The definition of one block.</summary>
    public static void Define(float* activations, ActivationBlock* block)
    {
        float largest = 0;
        for (int i = 0; i < ActivationBlock.Length; i++)
            largest = MathF.Max(largest, MathF.Abs(activations[i]));
        float inverse = Inverse(largest);
        int first = 0;
        int second = 0;
        for (int i = 0; i < ActivationBlock.Length; i++)
        {
            block->Quants[i] = (sbyte)MathF.Round(activations[i] * inverse);
            if (i < ActivationBlock.Length / 2)
                first += block->Quants[i];
            else
                second += block->Quants[i];
        }
        Finish(block, largest, first, second);
    }

    /// <summary>Quantises rows [<paramref name="first"/>, <paramref name="end"/>) of <paramref name="rows"/>; K is a multiple of 32.</summary>
    public static void Cpu<TVector, TLanes>(float* a, nint stride, int rows, int k, ActivationBlock* blocks, int first, int end)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int blockCount = k / ActivationBlock.Length;
        for (int row = first; row < end; row++)
        {
            float* source = a + (row * stride);
            for (int chunk = 0; chunk < blockCount; chunk += ChunkBlocks)
            {
                int count = Math.Min(ChunkBlocks, blockCount - chunk);
                ActivationBlock* destination = Find(blocks, rows, row, chunk, count);
                for (int i = 0; i < count; i++, source += ActivationBlock.Length)
                    Quantize<TVector, TLanes>(source, destination + i);
            }
        }
    }

    private static void Quantize<TVector, TLanes>(float* source, ActivationBlock* block)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        TVector magnitude = TLanes.Zero;
        for (int i = 0; i < ActivationBlock.Length; i += TLanes.Width)
            magnitude = TLanes.Max(TLanes.Abs(TLanes.Load(source + i)), magnitude);
        float largest = TLanes.MaxLane(magnitude);
        TVector inverse = TLanes.Broadcast(Inverse(largest));
        TVector first = TLanes.Zero;
        TVector second = TLanes.Zero;
        for (int i = 0; i < ActivationBlock.Length / 2; i += TLanes.Width)
        {
            int j = i + (ActivationBlock.Length / 2);
            TVector low = TLanes.Round(TLanes.Multiply(TLanes.Load(source + i), inverse));
            TVector high = TLanes.Round(TLanes.Multiply(TLanes.Load(source + j), inverse));
            TLanes.StoreInt8(low, block->Quants + i);
            TLanes.StoreInt8(high, block->Quants + j);
            first = TLanes.Add(first, low);
            second = TLanes.Add(second, high);
        }
        Finish(block, largest, (int)TLanes.Sum(first), (int)TLanes.Sum(second));
    }

    private static float Inverse(float largest) => largest > 0 ? 127 / largest : 0;

    private static void Finish(ActivationBlock* block, float largest, int first, int second)
    {
        block->Scale = largest / 127;
        block->ScaledSum = block->Scale * (first + second);
        block->NegatedSum = -(first + second);
        block->NegatedFirstSum = -first;
    }
}
