using System.Diagnostics;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Cli.Tests;

/// <summary>The built tool, as its users start it; where COS_TOOL names another build of it, as a native one, that.</summary>
internal static class CosProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly string? Tool = Environment.GetEnvironmentVariable("COS_TOOL");

    /// <summary>Whether COS_TOOL names the tool.</summary>
    public static bool IsAnotherBuild => Tool is not null;

    public static Process Start(params string[] args) => Start([], args);

    /// <summary>Starts the tool with more environment variables.</summary>
    public static Process Start(Dictionary<string, string> environment, string[] args)
    {
        string[] command = Tool is null ? [Path.Combine(AppContext.BaseDirectory, "cos.dll"), .. args] : args;
        var start = new ProcessStartInfo(Tool ?? "dotnet", command)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Fixtures.Repository,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs the tool with something on its standard input.</summary>
    public static async Task<CosOutput> RunAsync(byte[] input, params string[] args)
    {
        using Process process = Start(args);
        await process.StandardInput.BaseStream.WriteAsync(input);
        process.StandardInput.Close();
        return await EndAsync(process);
    }

    public static async Task<CosOutput> EndAsync(Process process)
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new CosOutput(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }
}
