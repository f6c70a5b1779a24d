using System.Diagnostics;
using System.Text;
using System.Text.Json;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary>The tool as a process: what only a process has, standard input, exit codes and signals.</summary>
public sealed class AskProcessTests
{
    [Fact]
    public async Task The_first_command_answers_with_the_model_that_comes_along()
    {
        CosOutput run = await CosProcess.RunAsync([], "ask", Shapes, Question);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = [.. run.Out.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        Assert.Equal("640", lines[0]);
        Assert.Contains("region   [0.625, 0.05, 0.775, 0.2]", lines);
        Assert.Contains("pixels   x 560 to 694, y 45 to 179 (134 x 134 of 896 x 896)", lines);
        Assert.Contains(lines, line => line.StartsWith("Reuse saved about ", StringComparison.Ordinal));
        Assert.DoesNotContain('\e', run.Out);
    }

    [Fact]
    public async Task A_picture_and_a_question_come_from_standard_input()
    {
        CosOutput picture = await CosProcess.RunAsync(await File.ReadAllBytesAsync(Shapes, TestContext.Current.CancellationToken), "ask", "-", Question, "--json");
        CosOutput question = await CosProcess.RunAsync(Encoding.UTF8.GetBytes(Question + "\n"), "ask", Shapes, "-", "--json");
        Assert.Equal((0, ""), (picture.ExitCode, picture.Error));
        Assert.Equal((0, ""), (question.ExitCode, question.Error));
        Assert.Equal("640", picture.Json.GetProperty("answer").GetString());
        Assert.True(JsonElement.DeepEquals(picture.Json.GetProperty("passes"), question.Json.GetProperty("passes")));
    }

    [Fact]
    public async Task An_error_is_one_line_or_one_object_and_an_exit_code()
    {
        CosOutput line = await CosProcess.RunAsync([], "ask", "no-such.png", Question);
        line.AssertFailed(1, "no-such.png: cannot be read");
        CosOutput json = await CosProcess.RunAsync([0xFF, 0xD8, 0xFF], "ask", "-", Question, "--json");
        json.AssertFailedAsJson(1, "picture_not_decoded");
    }

    [Fact]
    public async Task An_interrupt_ends_the_command_even_while_it_waits_for_input()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("There is no kill command to send an interrupt with.");
        using var folder = new TemporaryFolder();
        string overlay = folder.Path("overlay.png");
        using Process process = CosProcess.Start("ask", Shapes, "-", "--overlay", overlay);
        // The pipe stays open: the question never comes. That the file is there says that the command has begun.
        while (!File.Exists(overlay) && !process.HasExited)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        using Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
        CosOutput run = await CosProcess.EndAsync(process);
        run.AssertFailed(130, "cancelled");
        Assert.False(File.Exists(overlay));
    }
}
