namespace ChainOfSpot.Runtime.Threads;

/// <summary>
/// A range in parts that begin long and become short, each a share of what is left: threads that take them in turn seldom begin anew
/// and still end together (guided self-scheduling: Polychronopoulos and Kuck, IEEE Transactions on Computers C-36, 1987).
/// </summary>
/// <param name="length">The length of the range.</param>
/// <param name="unit">Parts are multiples of it, but for the last.</param>
/// <param name="threads">The threads that take them.</param>
internal readonly struct ShrinkingParts(int length, int unit, int threads)
{
    /// <summary>The number of parts.</summary>
    public int Count
    {
        get
        {
            int count = 0;
            for (int first = 0; first < length; first += Length(first))
                count++;
            return count;
        }
    }

    /// <summary>A part by its number.</summary>
    public (int First, int End) this[int index]
    {
        get
        {
            int first = 0;
            for (int i = 0; i < index; i++)
                first += Length(first);
            return (first, Math.Min(first + Length(first), length));
        }
    }

    private int Length(int first) => Math.Max(1, (length - first) / unit / (2 * threads)) * unit;
}
