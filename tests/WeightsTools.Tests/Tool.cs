using System.Text.Json;

namespace ChainOfSpot.WeightsTools.Tests;

/// <summary>Runs the tool in this process, in a folder of its own that goes with it.</summary>
internal sealed class Tool : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("cos-weights-").FullName;

    public string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    public async Task<ToolResult> RunAsync(params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int exitCode = await WeightsCommand.RunAsync(args, new Terminal(output, error), TestContext.Current.CancellationToken);
        Assert.DoesNotContain(Directory.GetFileSystemEntries(Root), entry => entry.Contains(".incomplete-", StringComparison.Ordinal));
        return new ToolResult(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs a command that has to succeed.</summary>
    public async Task<string> OutputOfAsync(params string[] args)
    {
        ToolResult result = await RunAsync(args);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        return result.Output;
    }

    /// <summary>Runs a command that has to succeed and reads its JSON.</summary>
    public async Task<JsonElement> JsonOfAsync(params string[] args) =>
        JsonDocument.Parse(await OutputOfAsync([.. args, "--json"])).RootElement;

    /// <summary>A random model in a folder of this name.</summary>
    public async Task<string> RandomAsync(string name, params string[] options)
    {
        string folder = PathOf(name);
        await OutputOfAsync(["random", "--output", folder, .. options]);
        return folder;
    }

    /// <summary>Loads a model.</summary>
    public static Task<ChainOfSpotEngine> LoadAsync(string folder) =>
        ChainOfSpotEngine.LoadAsync(folder, cancellationToken: TestContext.Current.CancellationToken);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

/// <summary>What a run left.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Error)
{
    /// <summary>The run failed with this code and one line that says each of these.</summary>
    public void AssertFailed(int exitCode, params string[] says)
    {
        Assert.Equal(exitCode, ExitCode);
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("cos-weights: ", line, StringComparison.Ordinal);
        Assert.All(says, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }
}
