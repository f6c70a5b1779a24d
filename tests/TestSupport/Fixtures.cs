using System.Runtime.CompilerServices;

namespace ChainOfSpot.TestSupport;

/// <summary>Where the reference data of the tests lies.</summary>
internal static class Fixtures
{
    /// <summary>The root of the repository: named by COS_REPOSITORY where tests run elsewhere, else found from this source file.</summary>
    public static string Repository { get; } = Environment.GetEnvironmentVariable("COS_REPOSITORY") ?? FindRepository();

    /// <summary>The path of a file or folder below <c>tests/fixtures</c>.</summary>
    public static string Path(params string[] parts) =>
        System.IO.Path.Combine([Repository, "tests", "fixtures", .. parts]);

    private static string FindRepository([CallerFilePath] string here = "") =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", ".."));
}
