namespace ChainOfSpot.Kernels;

/// <summary>How the numbers of a key-value cache are stored.</summary>
public enum KvElement
{
    /// <summary>fp32, as they were computed.</summary>
    F32,

    /// <summary>
    /// IEEE 754 binary16, rounded to the nearest; what is beyond 65504 becomes 65504. A position and head whose key or value has a
    /// number that is not finite has a key that is not a number throughout, so that every score of it is none either.
    /// </summary>
    F16,

    /// <summary>Signed bytes with one fp32 scale for the key or value of each position and head: <see cref="QuantizedHead"/>.</summary>
    Q8,
}
