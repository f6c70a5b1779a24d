namespace ChainOfSpot.Kernels;

/// <summary>How the weights of an int8 tile are scaled.</summary>
public enum Int8Scaling
{
    /// <summary>One scale for 32 weights, quants with an offset.</summary>
    Block,

    /// <summary>Two scales for 32 weights, quants with an offset.</summary>
    HalfBlock,

    /// <summary>One scale and one minimum for 32 weights.</summary>
    Affine,

    /// <summary>Two scales and two minima for 32 weights.</summary>
    AffineHalfBlock,
}

/// <summary>Facts about scalings.</summary>
internal static class Int8Scalings
{
    /// <summary>Groups of 32 weights that have a scale of their own.</summary>
    public static int Groups(this Int8Scaling scaling) => scaling is Int8Scaling.HalfBlock or Int8Scaling.AffineHalfBlock ? 2 : 1;

    /// <summary>Whether a group has a minimum; else its quants have an offset.</summary>
    public static bool IsAffine(this Int8Scaling scaling) => scaling is Int8Scaling.Affine or Int8Scaling.AffineHalfBlock;

    /// <summary>Scales and minima of 32 weights of all columns.</summary>
    public static int Floats(this Int8Scaling scaling) => scaling.Groups() * (scaling.IsAffine() ? 2 : 1) * Int8Tile.Columns;
}

/// <summary>What the int8 tile has to know of unsigned quants.</summary>
internal interface IInt8Quants
{
    /// <summary>How they are scaled.</summary>
    static abstract Int8Scaling Scaling { get; }

    /// <summary>log2 of what is subtracted from them, where they have an offset.</summary>
    static abstract int OffsetShift { get; }

    /// <summary>The largest that a format has.</summary>
    static abstract int LargestQuant { get; }
}
