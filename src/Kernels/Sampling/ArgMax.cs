namespace ChainOfSpot.Kernels;

/// <summary>
/// The index of the largest value of a row; of equal values the lowest index. NaN never wins; a row of nothing but NaN, or
/// an empty one, gives -1.
/// <para>Moves 4 bytes an element.</para>
/// </summary>
public static unsafe partial class ArgMax
{
    /// <summary>The definition.</summary>
    /// <param name="x">[count].</param>
    /// <param name="count">Values of the row.</param>
    public static int Define(float* x, int count)
    {
        int best = -1;
        for (int i = 0; i < count; i++)
        {
            if (!float.IsNaN(x[i]) && (best < 0 || x[i] > x[best]))
                best = i;
        }
        return best;
    }
}
