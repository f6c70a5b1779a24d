using System.Text.Json;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Cli.Tests;

/// <summary><c>cos batch</c> on the demonstration model.</summary>
public sealed class BatchCommandTests
{
    private static readonly string[] Questions =
        [.. File.ReadLines(Fixtures.Path("spot-tiny", "questions.jsonl")).Take(9)];

    [Fact]
    public async Task Every_line_is_answered_in_its_place_with_its_other_keys()
    {
        using var folder = new TemporaryFolder();
        (string questions, string answers) = Write(folder, Questions);
        CosOutput run = await CosOutput.OfAsync("batch", questions, "--out", answers, "--parallel", "4", "--cache-positions", "8192");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("9 questions", run.Out, StringComparison.Ordinal);
        AssertAnswered(Questions, File.ReadAllLines(answers));
    }

    [Fact]
    public async Task A_run_that_was_interrupted_goes_on_without_losing_or_repeating_a_line()
    {
        using var folder = new TemporaryFolder();
        (string questions, string answers) = Write(folder, Questions);
        await CosOutput.OfAsync("batch", questions, "--out", answers);
        byte[] whole = File.ReadAllBytes(answers);
        int third = Array.IndexOf(whole, (byte)'\n', Array.IndexOf(whole, (byte)'\n', Array.IndexOf(whole, (byte)'\n') + 1) + 1) + 1;
        foreach (int kept in (int[])[0, third, third - 1, third + 5, whole.Length - 1, whole.Length])
        {
            await File.WriteAllBytesAsync(answers, whole[..kept], TestContext.Current.CancellationToken);
            int lines = whole[..kept].Count(b => b == (byte)'\n');
            CosOutput run = await CosOutput.OfAsync("batch", questions, "--out", answers);
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            Assert.Contains($"{9 - lines} questions", run.Out, StringComparison.Ordinal);
            byte[] now = File.ReadAllBytes(answers);
            int same = whole[..kept].AsSpan().LastIndexOf((byte)'\n') + 1;
            Assert.Equal(whole[..same], now[..same]);
            AssertAnswered(Questions, File.ReadAllLines(answers));
        }
    }

    [Fact]
    public async Task A_cancelled_run_leaves_whole_lines()
    {
        using var folder = new TemporaryFolder();
        string[] many = [.. Enumerable.Range(0, 20).SelectMany(_ => Questions)];
        (string questions, string answers) = Write(folder, many);
        using var source = new CancellationTokenSource();
        var output = new StringWriter();
        Task<int> run = CosCommand.RunAsync(["batch", questions, "--out", answers], new Output.Terminal(output, output), source.Token);
        while (!File.Exists(answers) || new FileInfo(answers).Length == 0)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        await source.CancelAsync();
        Assert.Equal(130, await run);
        string left = await File.ReadAllTextAsync(answers, TestContext.Current.CancellationToken);
        Assert.EndsWith("\n", left, StringComparison.Ordinal);
        int lines = left.Count(c => c == '\n');
        Assert.InRange(lines, 1, many.Length - 1);
        AssertAnswered(many[..lines], File.ReadAllLines(answers));
    }

    [Fact]
    public async Task Lines_that_fail_say_why_and_the_others_are_answered()
    {
        using var folder = new TemporaryFolder();
        string[] lines = ["{\"image\": \"missing.png\", \"question\": \"?\", \"id\": 7}", Questions[0], "no JSON", "", "[1]", "{\"image\": \"spot-000.png\"}", Questions[1]];
        (string questions, string answers) = Write(folder, lines);
        CosOutput run = await CosOutput.OfAsync("batch", questions, "--out", answers);
        Assert.Equal(1, run.ExitCode);
        JsonElement[] results = [.. File.ReadLines(answers).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(
            ["picture_not_found", "", "bad_line", "bad_line", "bad_line", ""],
            results.Select(r => r.GetProperty("result").TryGetProperty("error", out JsonElement error) ? error.GetProperty("code").GetString() : ""));
        Assert.Equal(7, results[0].GetProperty("id").GetInt32());
        foreach (int line in (int[])[1, 3, 5, 6])
            Assert.Contains($"line {line}:", run.Error, StringComparison.Ordinal);
        Assert.Equal(4, run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("4 of them failed", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_runs_answers_are_not_written_to()
    {
        using var folder = new TemporaryFolder();
        (string questions, string answers) = Write(folder, Questions);
        await File.WriteAllTextAsync(answers, "{\"image\": \"x\", \"question\": \"y\", \"result\": {}}\n", TestContext.Current.CancellationToken);
        CosOutput run = await CosOutput.OfAsync("batch", questions, "--out", answers);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("line 1 does not answer", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await CosOutput.OfAsync("batch", Path.Combine(folder.Root, "none.jsonl"), "--out", answers + "2")).ExitCode);
        Assert.Equal(2, (await CosOutput.OfAsync("batch", questions, "--out", questions)).ExitCode);
    }

    private static (string Questions, string Answers) Write(TemporaryFolder folder, string[] lines)
    {
        string questions = Path.Combine(folder.Root, "questions.jsonl");
        File.WriteAllLines(questions, lines);
        foreach (string picture in Directory.GetFiles(Fixtures.Path("spot-tiny"), "spot-00*.png"))
            File.Copy(picture, Path.Combine(folder.Root, Path.GetFileName(picture)));
        return (questions, Path.Combine(folder.Root, "answers.jsonl"));
    }

    private static void AssertAnswered(string[] questions, string[] answers)
    {
        Assert.Equal(questions.Length, answers.Length);
        foreach ((string question, string answer) in questions.Zip(answers))
        {
            JsonElement asked = JsonDocument.Parse(question).RootElement;
            JsonElement line = JsonDocument.Parse(answer).RootElement;
            Assert.Equal(
                [.. asked.EnumerateObject().Select(p => (p.Name, p.Value.GetRawText()))],
                line.EnumerateObject().SkipLast(1).Select(p => (p.Name, p.Value.GetRawText())));
            JsonElement result = line.EnumerateObject().Last().Value;
            Assert.Equal("result", line.EnumerateObject().Last().Name);
            Assert.Equal(asked.GetProperty("reference_answer").GetString(), result.GetProperty("answer").GetString());
            Assert.Equal(asked.GetProperty("reference_region").GetString(), result.GetProperty("region").GetProperty("text").GetString());
        }
    }
}
