namespace ChainOfSpot;

/// <summary>How far loading a model is.</summary>
/// <param name="BytesRead">Bytes of weights in memory.</param>
/// <param name="TotalBytes">Bytes of all weights.</param>
public readonly record struct LoadProgress(long BytesRead, long TotalBytes);
