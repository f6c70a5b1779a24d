using System.Text.Json;

namespace ChainOfSpot.Cli.Tests;

/// <summary>The tool around <c>cos ask</c>.</summary>
public sealed class CosCommandTests
{
    [Theory]
    [InlineData("cos devices", "--help")]
    [InlineData("cos devices")]
    [InlineData("[default: 128]", "ask", "--help")]
    [InlineData("| cos ask - ", "ask", "-h")]
    public async Task Help_teaches_with_examples_and_defaults(string expected, params string[] args)
    {
        CosOutput run = await CosOutput.OfAsync(args);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(expected, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Devices_are_measured()
    {
        CosOutput run = await CosOutput.OfAsync("devices", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        JsonElement cpu = Assert.Single(run.Json.GetProperty("devices").EnumerateArray());
        Assert.Equal(Environment.ProcessorCount, cpu.GetProperty("threads").GetInt32());
        // Of each kind there is a device or a reason.
        string[] kinds =
        [
            .. run.Json.GetProperty("gpus").EnumerateArray().Select(gpu => gpu.GetProperty("device").GetString()!.Split(':')[0]),
            .. run.Json.GetProperty("missing").EnumerateObject().Select(missing => missing.Name),
        ];
        Assert.Equal(["cuda", "opencl"], kinds.Distinct().Order());
        foreach (string threads in (string[])["one_thread", "all_threads"])
        {
            Assert.True(cpu.GetProperty(threads).GetProperty("multiply_add_gflops").GetDouble() > 0.1);
            Assert.True(cpu.GetProperty(threads).GetProperty("read_gb_per_second").GetDouble() > 0.1);
        }
    }
}
