namespace ChainOfSpot.Regions;

/// <summary>Why a region text gives no crop, so that the whole padded square is looked at again instead.</summary>
public enum RegionProblem
{
    /// <summary>There is no problem.</summary>
    None,

    /// <summary>The text has fewer than four parts.</summary>
    FewerThanFourNumbers,

    /// <summary>One of the first four parts is no finite number.</summary>
    NotFourNumbers,

    /// <summary>A number is so far outside of the picture (beyond <see cref="Region.MaxMagnitude"/>, or in pixels
    /// beyond what a crop reaches) that no crop can be meant.</summary>
    OutOfRange,

    /// <summary>In whole pixels the right side lies left of the left side, or the bottom above the top.</summary>
    InvertedBox,

    /// <summary>In whole pixels the box has no width or no height.</summary>
    EmptyBox,
}
