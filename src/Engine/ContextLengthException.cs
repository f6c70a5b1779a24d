namespace ChainOfSpot;

/// <summary>A prompt has more positions than the model's context.</summary>
public sealed class ContextLengthException(int needed, int patches, int available)
    : Exception($"The prompt needs {needed} positions, {patches} for each picture among them, and one for an answer; the model has {available}. Ask a shorter question.")
{
    /// <summary>Positions of the prompt.</summary>
    public int Needed { get; } = needed;

    /// <summary>Positions of the model's context.</summary>
    public int Available { get; } = available;
}
