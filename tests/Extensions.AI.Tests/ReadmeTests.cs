using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>The programs of the README are compiled and run.</summary>
public sealed class ReadmeTests
{
    private const string Begin = "// README";
    private const string End = "// README ends";

    [Fact]
    public void The_readme_has_them_as_they_are_compiled()
    {
        string readme = File.ReadAllText(Path.Combine(Fixtures.Repository, "README.md"));
        List<string[]> programs = Programs();
        Assert.Equal(3, programs.Count);
        Assert.All(programs, program => Assert.Contains($"```csharp\n{string.Join('\n', program)}\n```", readme, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_answers_right()
    {
        Environment.CurrentDirectory = Fixtures.Repository;
        Assert.All(await ReadmePrograms.RunAsync(), answer => Assert.Equal(SpotTinyEngine.Number, answer));
    }

    /// <summary>The lines between the marks, without their indentation.</summary>
    private static List<string[]> Programs()
    {
        var programs = new List<string[]>();
        List<string> program = [];
        foreach (string line in File.ReadLines(Path.Combine(Fixtures.Repository, "tests", "Extensions.AI.Tests", "ReadmePrograms.cs")).Select(l => l.Trim()))
        {
            if (line == Begin)
                program.Clear();
            else if (line == End)
                programs.Add([.. program]);
            else
                program.Add(line);
        }
        return programs;
    }
}
