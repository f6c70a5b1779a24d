using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form. Heads are the outer loop, so that the K tile that rows are scattered into stays in the L1 cache.</content>
public static unsafe partial class KvAppend
{
    /// <summary>Rotates and appends a range of rows.</summary>
    /// <param name="arguments">The operands.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    public static void Cpu<TVector, TLanes>(in KvAppendArguments arguments, int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int headDim = arguments.HeadDim;
        Rope.Cpu<TVector, TLanes>(
            arguments.Qkv, arguments.QkvStride, arguments.Heads + arguments.KvHeads, headDim, arguments.Cos, arguments.Sin,
            arguments.Positions, firstRow, rows);
        for (int head = 0; head < arguments.KvHeads; head++)
        {
            for (int row = firstRow; row < firstRow + rows; row++)
            {
                int page = arguments.Page(row);
                int slot = arguments.Positions[row] % KvLayout.PagePositions;
                float* k = arguments.Qkv + (row * arguments.QkvStride) + ((arguments.Heads + head) * headDim);
                float* v = k + (arguments.KvHeads * headDim);
                switch (arguments.Element)
                {
                    case KvElement.Q8:
                        StoreQuantized(arguments, page, slot, head, k, v);
                        break;
                    case KvElement.F16:
                        StoreHalves<TVector, TLanes>(arguments, page, slot, head, k, v);
                        break;
                    default:
                        StoreFloats(arguments, page, slot, head, k, v);
                        break;
                }
            }
        }
    }

    private static void StoreFloats(in KvAppendArguments arguments, int page, int slot, int head, float* k, float* v)
    {
        int headDim = arguments.HeadDim;
        float* kColumn = KvLayout.Tile((float*)arguments.KPool, page, arguments.KvHeads, head, headDim) + slot;
        for (int d = 0; d < headDim; d++)
            kColumn[d * KvLayout.PagePositions] = k[d];
        float* vRow = KvLayout.Tile((float*)arguments.VPool, page, arguments.KvHeads, head, headDim) + (slot * headDim);
        new ReadOnlySpan<float>(v, headDim).CopyTo(new Span<float>(vRow, headDim));
    }

    private static void StoreHalves<TVector, TLanes>(in KvAppendArguments arguments, int page, int slot, int head, float* k, float* v)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int headDim = arguments.HeadDim;
        ushort* kColumn = (ushort*)KvLayout.Tile(arguments.KPool, KvElement.F16, page, arguments.KvHeads, head, headDim) + slot;
        ushort* vRow = (ushort*)KvLayout.Tile(arguments.VPool, KvElement.F16, page, arguments.KvHeads, head, headDim) + (slot * headDim);
        ushort* halves = stackalloc ushort[AttentionBlock.WidestVector];
        TVector differences = TLanes.Zero;
        for (int d = 0; d < headDim; d += TLanes.Width)
        {
            int count = Math.Min(TLanes.Width, headDim - d);
            bool isWhole = count == TLanes.Width;
            TVector keys = isWhole ? TLanes.Load(k + d) : TLanes.LoadPartial(k + d, count);
            TVector values = isWhole ? TLanes.Load(v + d) : TLanes.LoadPartial(v + d, count);
            // What is not finite differs from itself by NaN.
            differences = TLanes.Add(differences, TLanes.Add(TLanes.Subtract(keys, keys), TLanes.Subtract(values, values)));
            TLanes.StoreF16(values, halves);
            new ReadOnlySpan<ushort>(halves, count).CopyTo(new Span<ushort>(vRow + d, count));
            TLanes.StoreF16(keys, halves);
            for (int i = 0; i < count; i++)
                kColumn[(d + i) * KvLayout.PagePositions] = halves[i];
        }
        if (!float.IsNaN(TLanes.Sum(differences)))
            return;
        for (int d = 0; d < headDim; d++)
            kColumn[d * KvLayout.PagePositions] = BitConverter.HalfToUInt16Bits(Half.NaN);
    }
}
