namespace ChainOfSpot.Images;

/// <summary>A picture is missing, corrupt, truncated, too large or of a format that is not known.</summary>
public sealed class PictureException : Exception
{
    /// <summary>Says which picture is wrong, in what, and what was expected.</summary>
    /// <param name="origin">Where the picture comes from: a file path, "standard input".</param>
    /// <param name="problem">What is wrong and what was expected.</param>
    /// <param name="inner">The error below, where there is one.</param>
    public PictureException(string origin, string problem, Exception? inner = null)
        : base($"{origin}: {problem}", inner)
    {
        Origin = origin;
    }

    /// <summary>Where the picture comes from.</summary>
    public string Origin { get; }
}
