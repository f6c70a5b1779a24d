namespace ChainOfSpot;

/// <summary>What the engine tells <c>System.Diagnostics</c> of itself; docs/telemetry.md names every instrument and activity.</summary>
public static class ChainOfSpotTelemetry
{
    /// <summary>The name of the engine's <c>Meter</c> and of its <c>ActivitySource</c>.</summary>
    public const string Name = "ChainOfSpot";
}
