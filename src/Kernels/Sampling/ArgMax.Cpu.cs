using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form: a block is looked at value by value only where its largest value beats the best so far.</content>
public static unsafe partial class ArgMax
{
    /// <summary>The index of the largest value; parameters as in the definition.</summary>
    public static int Cpu<TVector, TLanes>(float* x, int count)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int best = -1;
        for (int start = 0; start < count; start += ValueBlock.Length)
        {
            int length = Math.Min(ValueBlock.Length, count - start);
            if (best >= 0 && !ValueBlock.MayExceed<TVector, TLanes>(x + start, length, x[best]))
                continue;
            for (int i = start; i < start + length; i++)
            {
                if (!float.IsNaN(x[i]) && (best < 0 || x[i] > x[best]))
                    best = i;
            }
        }
        return best;
    }
}
