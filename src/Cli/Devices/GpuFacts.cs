using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Devices;

/// <summary>The GPUs of this machine.</summary>
/// <param name="Found">What drivers report, usable or not.</param>
/// <param name="Missing">Why there is none of a kind, by the name that <c>--device</c> has for it.</param>
internal sealed record GpuFacts(IReadOnlyList<GpuFound> Found, SortedDictionary<string, string> Missing)
{
    private static readonly DeviceKind[] Kinds = [DeviceKind.Cuda, DeviceKind.OpenCl];

    /// <summary>Asks the drivers.</summary>
    public static GpuFacts Ask()
    {
        var missing = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (DeviceKind kind in Kinds)
        {
            if (GpuSearch.WhyNone(kind) is { } reason)
                missing[$"{new DeviceChoice(kind)}"] = reason;
        }
        return new GpuFacts(GpuSearch.Find(), missing);
    }
}
