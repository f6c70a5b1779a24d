namespace ChainOfSpot.Kernels.Lanes;

/// <summary>What rounding binary32 to IEEE 754 binary16 takes, as bits of a binary32 unless said.</summary>
internal static class BinarySixteen
{
    /// <summary>The largest finite binary16.</summary>
    public const float Largest = 65504;

    /// <summary>Fraction bits that a binary16 has less.</summary>
    public const int DroppedBits = 13;

    /// <summary>The exponent of a binary32.</summary>
    public const int ExponentBits = 0x7f800000;

    /// <summary>2^-14: below it the spacing of binary16 stays the same.</summary>
    public const int SmallestNormal = (127 - 14) << 23;

    /// <summary>Added to a power of two, multiplies it by 2^13.</summary>
    public const int RoundingShift = DroppedBits << 23;
}
