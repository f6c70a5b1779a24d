using System.Text.Json;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Cli.Tests;

/// <summary>What one run of the tool wrote and ended with.</summary>
internal sealed record CosOutput(int ExitCode, string Out, string Error)
{
    public const string Question = "What number is on the red circle?";

    /// <summary>A sample picture: the red circle's number is 640.</summary>
    public static string Shapes { get; } = Path.Combine(Fixtures.Repository, "models", "spot-tiny", "samples", "shapes-1.png");

    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Runs a command line inside of the test's own process.</summary>
    public static async Task<CosOutput> OfAsync(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int exitCode = await CosCommand.RunAsync(args, new Terminal(output, error), TestContext.Current.CancellationToken);
        return new CosOutput(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Asserts one line on standard error and nothing else.</summary>
    public void AssertFailed(int exitCode, string message)
    {
        Assert.Equal((exitCode, ""), (ExitCode, Out));
        Assert.StartsWith("cos: ", Error, StringComparison.Ordinal);
        Assert.Contains(message, Error, StringComparison.Ordinal);
        Assert.Equal(1, Error.Count(c => c == '\n'));
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
    }

    /// <summary>Asserts one error object on standard output and nothing else.</summary>
    public void AssertFailedAsJson(int exitCode, string code)
    {
        Assert.Equal((exitCode, ""), (ExitCode, Error));
        JsonElement error = Json.GetProperty("error");
        Assert.Equal(["code", "message"], error.EnumerateObject().Select(p => p.Name));
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }
}
