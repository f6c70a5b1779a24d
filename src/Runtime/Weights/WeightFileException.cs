namespace ChainOfSpot.Runtime.Weights;

/// <summary>A weight file is missing, corrupt, hostile or of a layout that is not known.</summary>
public sealed class WeightFileException : Exception
{
    private const int LongestProblem = 400;

    /// <summary>Says which file is wrong, in what, and what was expected.</summary>
    /// <param name="file">The path of the file.</param>
    /// <param name="problem">
    /// What is wrong and what was expected; names the tensor or field. It may quote the file: control characters are replaced and
    /// the rest is cut at 400 characters, so that a hostile file cannot write to a terminal or fill a log.
    /// </param>
    /// <param name="inner">The error below, where there is one.</param>
    public WeightFileException(string file, string problem, Exception? inner = null)
        : base($"{file}: {Printable(problem)}", inner)
    {
        File = file;
    }

    /// <summary>The path of the file.</summary>
    public string File { get; }

    private static string Printable(string problem)
    {
        ReadOnlySpan<char> kept = problem.AsSpan(0, Math.Min(problem.Length, LongestProblem));
        return string.Create(kept.Length, kept, static (target, source) =>
        {
            for (int i = 0; i < source.Length; i++)
                target[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }
}
