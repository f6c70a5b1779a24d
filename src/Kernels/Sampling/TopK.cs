namespace ChainOfSpot.Kernels;

/// <summary>
/// The k largest values of a row, largest first, with their indices; of equal values the lower index first. NaN is never
/// among them.
/// <para>Moves 4 bytes an element.</para>
/// </summary>
public static unsafe partial class TopK
{
    /// <summary>The definition.</summary>
    /// <param name="x">[count].</param>
    /// <param name="count">Values of the row.</param>
    /// <param name="k">How many are wanted.</param>
    /// <returns>The indices of the min(k, values that are not NaN) largest values.</returns>
    public static int[] Define(float* x, int count, int k)
    {
        var indices = new List<int>();
        for (int i = 0; i < count; i++)
        {
            if (!float.IsNaN(x[i]))
                indices.Add(i);
        }
        return [.. indices.OrderByDescending(i => x[i]).Take(k)];
    }
}
