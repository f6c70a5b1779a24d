namespace ChainOfSpot.Cli.Ask;

/// <summary>What <c>cos ask</c> was told to do.</summary>
internal sealed record AskRequest
{
    /// <summary>Stands for standard input in the place of the picture or the question.</summary>
    public const string StandardInput = "-";

    /// <summary>The picture's file.</summary>
    public required string Picture { get; init; }

    /// <summary>The question.</summary>
    public required string Question { get; init; }

    /// <summary>The model's folder or file; null for the one that comes with the tool.</summary>
    public string? Model { get; init; }

    /// <summary>How the engine is set up.</summary>
    public required EngineOptions Engine { get; init; }

    /// <summary>How the question is answered.</summary>
    public required AskOptions Ask { get; init; }

    /// <summary>Whether the picture is turned upright where its EXIF data says how.</summary>
    public bool ApplyExifOrientation { get; init; }

    /// <summary>Where the picture with region and answer goes.</summary>
    public string? OverlayPath { get; init; }

    /// <summary>Where the pixels that the second pass saw go.</summary>
    public string? CropPath { get; init; }

    /// <summary>Whether one JSON object is printed.</summary>
    public bool AsJson { get; init; }
}
