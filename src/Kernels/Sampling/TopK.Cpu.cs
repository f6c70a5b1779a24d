using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form: a sorted list of the best so far; a block without a value above the list's last is passed over.</content>
public static unsafe partial class TopK
{
    /// <summary>Finds the k largest values.</summary>
    /// <param name="x">[count].</param>
    /// <param name="count">Values of the row.</param>
    /// <param name="k">How many are wanted; each costs up to k moves, so k is meant to be small.</param>
    /// <param name="values">The values, largest first [k].</param>
    /// <param name="indices">Their indices [k].</param>
    /// <returns>How many were found: min(k, values that are not NaN).</returns>
    public static int Cpu<TVector, TLanes>(float* x, int count, int k, float* values, int* indices)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int found = 0;
        for (int start = 0; start < count && k > 0; start += ValueBlock.Length)
        {
            int length = Math.Min(ValueBlock.Length, count - start);
            if (found == k && !ValueBlock.MayExceed<TVector, TLanes>(x + start, length, values[k - 1]))
                continue;
            for (int i = start; i < start + length; i++)
            {
                if (!float.IsNaN(x[i]) && (found < k || x[i] > values[k - 1]))
                    Insert(x[i], i, k, values, indices, ref found);
            }
        }
        return found;
    }

    private static void Insert(float value, int index, int k, float* values, int* indices, ref int found)
    {
        if (found < k)
            found++;
        int place = found - 1;
        for (; place > 0 && value > values[place - 1]; place--)
        {
            values[place] = values[place - 1];
            indices[place] = indices[place - 1];
        }
        values[place] = value;
        indices[place] = index;
    }
}
