namespace ChainOfSpot.Kernels;

/// <summary>How the numbers of a key-value cache are stored.</summary>
public enum KvElement
{
    /// <summary>fp32, as they were computed.</summary>
    F32,

    /// <summary>Signed bytes with one fp32 scale for the key or value of each position and head: <see cref="QuantizedHead"/>.</summary>
    Q8,
}
