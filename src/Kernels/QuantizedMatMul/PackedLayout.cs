namespace ChainOfSpot.Kernels;

/// <summary>Where bits of each column lie in a packed block: ((byte at <paramref name="Offset"/>) >> <paramref name="Shift"/>) &amp; <paramref name="Mask"/>.</summary>
/// <param name="Offset">Of the first column's byte, or of its four bytes.</param>
/// <param name="Shift">0 to 7.</param>
/// <param name="Mask">0xff for whole bytes.</param>
internal readonly record struct BitPlace(int Offset, int Shift = 0, byte Mask = 0xff);

/// <summary>
/// A packed block as <see cref="PackedRowCode"/> reads it: which bits are the quant of a weight, and which numbers scale it. Scales d
/// are binary16 at its beginning, scales of the minima behind them.
/// </summary>
internal sealed record PackedLayout
{
    /// <summary>Consecutive blocks of 32 weights whose quants lie in the same bytes.</summary>
    public int BlocksTogether { get; init; } = 1;

    /// <summary>The lower bits of the quants of a block of 32 weights (its number) and a step of four.</summary>
    public required Func<int, int, BitPlace> Low { get; init; }

    /// <summary>Their upper bits, if they lie elsewhere.</summary>
    public Func<int, int, BitPlace>? High { get; init; }

    /// <summary>Which bit of the quant is the lowest of the upper ones.</summary>
    public int HighBit { get; init; }

    /// <summary>The signed levels that quants stand for, where they are no numbers themselves.</summary>
    public sbyte[]? Levels { get; init; }

    /// <summary>What d is multiplied with for a group of weights, by its number: where signed bytes lie.</summary>
    public Func<int, int>? Factor { get; init; }

    /// <summary>What the scale of the minima is multiplied with for a group of weights.</summary>
    public Func<int, int>? MinimumFactor { get; init; }

    /// <summary>Whether minima are added rather than subtracted.</summary>
    public bool AddsMinima { get; init; }

    /// <summary>Nibbles of blocks of 32 weights, 16 weights low and 16 high.</summary>
    public static BitPlace HalfBlockPairs(int start, int step) =>
        new(start + (step % 4 * PackedBlocks.StepBytes), step / 4 * 4, 15);
}
