namespace ChainOfSpot.Runtime.Weights;

/// <summary>A weight file is missing, corrupt, hostile or of a layout that is not known.</summary>
public sealed class WeightFileException : Exception
{
    /// <summary>Says which file is wrong, in what, and what was expected.</summary>
    /// <param name="file">The path of the file.</param>
    /// <param name="problem">What is wrong and what was expected; names the tensor or field.</param>
    /// <param name="inner">The error below, where there is one.</param>
    public WeightFileException(string file, string problem, Exception? inner = null)
        : base($"{file}: {problem}", inner)
    {
        File = file;
    }

    /// <summary>The path of the file.</summary>
    public string File { get; }
}
