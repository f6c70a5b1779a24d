using ChainOfSpot.Regions;

namespace ChainOfSpot.Cli.Ask;

/// <summary>Why a region text gives no crop, in words.</summary>
internal static class RegionNotes
{
    /// <summary>The words for a problem.</summary>
    public static string Of(RegionProblem problem) => problem switch
    {
        RegionProblem.FewerThanFourNumbers => "it has fewer than four numbers",
        RegionProblem.NotFourNumbers => "not all four parts of it are numbers",
        RegionProblem.OutOfRange => "a number of it is far outside of the picture",
        RegionProblem.InvertedBox => "its right side lies left of its left side, or its bottom above its top",
        RegionProblem.EmptyBox => "it is less than a pixel wide or high",
        _ => "it is a region",
    };
}
