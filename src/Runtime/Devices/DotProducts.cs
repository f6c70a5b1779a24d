namespace ChainOfSpot.Runtime.Devices;

/// <summary>What the dot products of a linear layer are computed in; each has a peak of its own.</summary>
public enum DotProducts
{
    /// <summary>fp32 multiply-adds.</summary>
    SinglePrecision,

    /// <summary>Products of bf16 pairs, summed in fp32.</summary>
    BFloat16,

    /// <summary>Products of four bytes, summed in integers, then scaled by blocks.</summary>
    Bytes,
}
