using ChainOfSpot.TestSupport;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary>What <c>cos ask</c> says to wrong command lines and files.</summary>
public sealed class AskErrorTests
{
    public static TheoryData<string> HostilePictures => [.. Directory.GetFiles(Fixtures.Path("images", "hostile")).Select(path => Path.GetFileName(path))];

    [Theory]
    [MemberData(nameof(HostilePictures))]
    public async Task A_hostile_picture_is_one_line(string file)
    {
        string path = Fixtures.Path("images", "hostile", file);
        (await OfAsync("ask", path, Question)).AssertFailed(1, path);
        (await OfAsync("ask", path, Question, "--json")).AssertFailedAsJson(1, "picture_not_decoded");
    }

    [Theory]
    [InlineData("'x' for option '--max-tokens'", "--max-tokens", "x")]
    [InlineData("--max-tokens is 0; expected 1 at least", "--max-tokens", "0")]
    [InlineData("--threads is -1; expected 0 at least and 1024 at most", "--threads", "-1")]
    [InlineData("'99999999999' for option '--threads'", "--threads", "99999999999")]
    [InlineData("'1.5' for option '--top-logits'", "--top-logits", "1.5")]
    [InlineData("'x' for option '--vector-bits'", "--vector-bits", "x")]
    [InlineData("expected 512, 256 or 128", "--vector-bits", "384")]
    [InlineData("expected prefix or stripped or bare", "--after-eos", "legacy")]
    [InlineData("expected f32 or f16 or q8", "--kv-cache", "q4")]
    [InlineData("fewer than four numbers", "--region", "[0.1, 0.2]")]
    [InlineData("not all four parts", "--region", "[0.1, 0.2, here, 1]")]
    [InlineData("far outside", "--region", "[0.1, 0.2, 0.3, 1e9]")]
    [InlineData("--no-such", "--no-such")]
    [InlineData("twice", "--direct", "--region", "[0.1, 0.2, 0.3, 0.4]")]
    [InlineData("twice", "--direct", "--crop", "a.png")]
    [InlineData("-m", "-m")]
    [InlineData("more", "more")]
    public async Task A_wrong_option_is_bad_usage(string message, params string[] options)
    {
        (await OfAsync(["ask", Shapes, Question, .. options])).AssertFailed(2, message);
        (await OfAsync(["ask", Shapes, Question, "--json", .. options])).AssertFailedAsJson(2, "bad_option");
    }

    [Theory]
    [InlineData("both -", "ask", "-", "-")]
    [InlineData("question is empty", "ask", "a.png", " ")]
    [InlineData("'question' missing", "ask", "a.png")]
    [InlineData("'picture' missing", "ask")]
    [InlineData("'see'", "see")]
    public async Task A_wrong_command_is_bad_usage(string message, params string[] args) => (await OfAsync(args)).AssertFailed(2, message);

    [Fact]
    public async Task A_model_that_is_not_there_is_named()
    {
        (await OfAsync("ask", Shapes, Question, "--model", "/no/such/model")).AssertFailed(1, "/no/such/model: no such folder or file");
        (await OfAsync("ask", Shapes, Question, "--mmproj", "/no/such.gguf")).AssertFailed(1, "/no/such.gguf: no such file");
        (await OfAsync("ask", Shapes, Question, "--tower", "/no/such/tower")).AssertFailed(1, "/no/such/tower: no such folder");
        (await OfAsync("ask", Shapes, Question, "--model", "/no/such/model", "--json")).AssertFailedAsJson(1, "model_not_found");
    }

    [Theory]
    [InlineData("config.json", null, "model_invalid")]
    [InlineData("config.json", "{}", "model_invalid")]
    [InlineData("tokenizer.model", null, "model_invalid")]
    [InlineData("tokenizer.model", "no vocabulary", "tokenizer_invalid")]
    [InlineData("tokenizer_config.json", "[", "tokenizer_invalid")]
    [InlineData("model.safetensors", null, "weight_file_invalid")]
    [InlineData("model.safetensors", "short", "weight_file_invalid")]
    public async Task A_damaged_model_names_the_file(string file, string? content, string code)
    {
        using var folder = new TemporaryFolder();
        foreach (string path in Directory.GetFiles(Path.Combine(Fixtures.Repository, "models", "spot-tiny")))
            File.Copy(path, folder.Path(Path.GetFileName(path)));
        File.Delete(folder.Path(file));
        if (content is not null)
            await File.WriteAllTextAsync(folder.Path(file), content, TestContext.Current.CancellationToken);
        (await OfAsync("ask", Shapes, Question, "--model", folder.Root)).AssertFailed(1, folder.Root);
        (await OfAsync("ask", Shapes, Question, "--model", folder.Root, "--json")).AssertFailedAsJson(1, code);
    }

    [Fact]
    public async Task Code_in_a_weight_file_does_not_run()
    {
        using var folder = new TemporaryFolder();
        foreach (string path in Directory.GetFiles(Path.Combine(Fixtures.Repository, "models", "spot-tiny"), "*.json"))
            File.Copy(path, folder.Path(Path.GetFileName(path)));
        File.Copy(Path.Combine(Fixtures.Repository, "models", "spot-tiny", "tokenizer.model"), folder.Path("tokenizer.model"));
        File.Copy(Fixtures.Path("hostile", "evil.bin"), folder.Path("pytorch_model.bin"));
        (await OfAsync("ask", Shapes, Question, "--model", folder.Root)).AssertFailed(1, "pytorch_model.bin");
    }

    [Fact]
    public async Task A_question_longer_than_the_context_says_how_much_it_needed()
    {
        string question = string.Join(' ', Enumerable.Repeat("circle", 2000));
        (await OfAsync("ask", Shapes, question)).AssertFailed(1, "positions");
        (await OfAsync("ask", Shapes, question, "--json")).AssertFailedAsJson(1, "context_too_long");
        (await OfAsync("ask", Shapes, Question, "--cache-positions", "64", "--json")).AssertFailedAsJson(1, "cache_full");
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_costs_no_computation_and_no_other_file()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Path("no-such/overlay.png");
        (await OfAsync("ask", "no-such.png", Question, "--overlay", path)).AssertFailed(1, $"{path}: cannot be written");
        (await OfAsync("ask", Shapes, Question, "--crop", folder.Root, "--json")).AssertFailedAsJson(1, "file_not_written");

        string same = folder.Path("same.png");
        (await OfAsync("ask", Shapes, Question, "--overlay", same, "--crop", same)).AssertFailed(2, "different files");
        (await OfAsync("ask", same, Question, "--overlay", same)).AssertFailed(2, "different files");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Root));
    }

    [Fact]
    public async Task Without_an_answer_an_old_file_stays_and_a_new_one_does_not()
    {
        using var folder = new TemporaryFolder();
        string old = folder.Path("old.png");
        await File.WriteAllTextAsync(old, "as it was", TestContext.Current.CancellationToken);
        (await OfAsync("ask", "no-such.png", Question, "--overlay", old, "--crop", folder.Path("new.png"), "--json"))
            .AssertFailedAsJson(1, "picture_not_found");
        Assert.Equal([old], Directory.GetFiles(folder.Root));
        Assert.Equal("as it was", await File.ReadAllTextAsync(old, TestContext.Current.CancellationToken));
    }
}
