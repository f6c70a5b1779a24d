namespace ChainOfSpot.Measurement;

/// <summary>Repeated measurements of one time, in seconds.</summary>
/// <param name="Best">The least: other users of a machine only ever make one slower.</param>
/// <param name="Median">The middle one; of an even number, the mean of the two.</param>
/// <param name="Worst">The most.</param>
/// <param name="Count">How many.</param>
public sealed record Sample(double Best, double Median, double Worst, int Count)
{
    /// <summary>From a list of seconds.</summary>
    /// <exception cref="ArgumentException">The list is empty.</exception>
    public static Sample Of(IReadOnlyCollection<double> seconds)
    {
        ArgumentNullException.ThrowIfNull(seconds);
        if (seconds.Count == 0)
            throw new ArgumentException("A sample needs one measurement at least.", nameof(seconds));
        double[] sorted = [.. seconds.Order()];
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Sample(sorted[0], median, sorted[^1], sorted.Length);
    }
}
