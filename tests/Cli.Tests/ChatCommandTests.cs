using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using ChainOfSpot.Cli.Chat;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.TestSupport;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary><c>cos chat</c> on the demonstration model.</summary>
public sealed class ChatCommandTests
{
    private const string Region = "[0.625, 0.05, 0.775, 0.2]";

    [Fact]
    public async Task Each_line_of_a_pipe_is_answered_on_one_line_behind_those_before_it()
    {
        CosOutput run = await ChatAsync($"{Question}\n\n  What shape is green?  \n/reset\n/direct What shape is green?\n/reset\n{Question}");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = Lines(run.Out);
        Assert.Equal(4, lines.Length);
        Assert.Equal($"640\t{Region}", lines[0]);
        Assert.Equal(lines[0], lines[3]);

        await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(
            Path.Combine(Fixtures.Repository, "models", "spot-tiny"), cancellationToken: TestContext.Current.CancellationToken);
        await using SpotImage image = await engine.OpenImageAsync(Shapes, TestContext.Current.CancellationToken);
        SpotConversation conversation = image.StartConversation();
        await conversation.AskAsync(Question, cancellationToken: TestContext.Current.CancellationToken);
        Answer second = await conversation.AskAsync("What shape is green?", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal($"{second.Text.OnOneLine()}\t{second.Region!.Text}", lines[1]);
        Answer direct = await image.AskAsync("What shape is green?", new AskOptions { Direct = true }, TestContext.Current.CancellationToken);
        Assert.Equal(direct.Text.OnOneLine(), lines[2]);
    }

    [Fact]
    public async Task Another_picture_is_asked_about_and_an_overlay_written()
    {
        using var folder = new TemporaryFolder();
        string other = Shapes.Replace("shapes-1", "shapes-2", StringComparison.Ordinal), overlay = folder.Path("overlay.png");
        CosOutput run = await ChatAsync($"{Question}\n/overlay {overlay}\n/picture {other}\nHow many shapes are there?\n/quit\n{Question}");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(896, Picture.Decode(overlay).Width);
        string[] lines = Lines(run.Out);
        Assert.Equal(2, lines.Length);
        CosOutput asked = await OfAsync("ask", other, "How many shapes are there?", "--json");
        Assert.Equal(asked.Json.GetProperty("answer").GetString(), lines[1].Split('\t')[0]);
    }

    [Fact]
    public async Task Stats_and_help_say_what_they_are_about()
    {
        CosOutput run = await ChatAsync($"{Question}\n/stats\n/help");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        foreach (string expected in (string[])["371 input, 150 of them cached", "region decode", "conversation: 1 questions", "/picture FILE"])
            Assert.Contains(expected, run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("decode picture", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_fails_is_one_line_of_errors_and_the_chat_goes_on()
    {
        string tooLong = string.Join(' ', Enumerable.Repeat("circle", 2000));
        CosOutput run = await ChatAsync($"/overlay a.png\n/nothing\n/direct\n/picture no-such.png\n/overlay {Shapes}\n{tooLong}\n{Question}\n/overlay {Shapes}");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal(["", $"640\t{Region}"], Lines(run.Out));
        string[] errors = Lines(run.Error);
        string[] expected = ["No question", "/nothing is no command", "/direct lacks a question", "no-such.png: cannot be read", "No question", "positions", "is the picture itself"];
        Assert.Equal(expected.Length, errors.Length);
        Assert.All(errors.Zip(expected), pair => Assert.Contains(pair.Second, pair.First, StringComparison.Ordinal));
        (await OfAsync("chat", "no-such.png")).AssertFailed(1, "no-such.png");
        (await OfAsync("chat", Shapes, "--max-tokens", "0")).AssertFailed(2, "--max-tokens");
        (await OfAsync("chat", Shapes, "--model", "/no/such")).AssertFailed(1, "/no/such: no such folder or file");
    }

    [Fact]
    public async Task A_conversation_beyond_the_context_forgets_its_first_questions()
    {
        CosOutput run = await ChatAsync(string.Join('\n', Enumerable.Repeat(Question, 12)));
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(12, Lines(run.Out).Length);
        Assert.NotEmpty(Lines(run.Error));
        Assert.All(Lines(run.Error), line => Assert.Contains("first question of the conversation is forgotten", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_interrupt_cancels_the_question_and_the_next_one_the_chat()
    {
        using var lines = new Typed();
        using var program = new CancellationTokenSource();
        var terminal = new Terminal(lines.Output, lines.Output) { In = lines, IsInteractive = true, Interrupts = new Interrupts(program) };
        Task<int> chat = CosCommand.RunAsync(["chat", Shapes, "--max-tokens", "800", "--threads", "1"], terminal, program.Token);
        lines.Type(Question);
        await lines.PromptedAsync(2);
        Assert.Contains($"looks at {Region}, x 560 to 694, y 45 to 179", lines.Text, StringComparison.Ordinal);
        Assert.Contains("\n  640\n", lines.Text, StringComparison.Ordinal);

        // A question may be answered before the interrupt arrives, but not each time.
        int prompts = 2;
        for (bool isCancelled = false; !isCancelled; isCancelled = lines.Text.Contains("cos: cancelled.", StringComparison.Ordinal))
        {
            Assert.InRange(prompts, 2, 50);
            lines.Type("/reset");
            lines.OnText("looks at", () => Assert.True(terminal.Interrupts.Raise()));
            lines.Type(Question);
            await lines.PromptedAsync(prompts += 2);
            lines.OnText("looks at", () => { });
        }
        Assert.False(program.IsCancellationRequested);
        lines.Type("/reset");
        lines.Type(Question);
        await lines.PromptedAsync(prompts + 2);
        Assert.EndsWith("\n  640\n\n> ", lines.Text, StringComparison.Ordinal);
        Assert.True(terminal.Interrupts.Raise());
        Assert.Equal(130, await chat.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.False(terminal.Interrupts.Raise());
    }

    [Theory]
    [InlineData("\e[?62;4;22c", true)]
    [InlineData("\e[?4;6c", false)]
    [InlineData("\e[?64;1;2;4c", true)]
    [InlineData("\e[?62;14c", false)]
    [InlineData("\e[?62;4", false)]
    [InlineData("", false)]
    public void Sixels_are_shown_where_the_terminal_says_so(string reply, bool expected) => Assert.Equal(expected, SixelQuery.HasSixels(reply));

    [Fact]
    public void Sixels_read_back_are_the_picture()
    {
        Picture picture = Picture.Decode(Fixtures.Path("spot-tiny", "spot-000.png"));
        picture = Picture.FromRgb(picture.Width, 50, picture.Rgb.Span[..(picture.Width * 50 * 3)]);
        byte[] read = ReadSixels(Sixels.Of(picture), picture.Width, picture.Height);
        for (int i = 0; i < read.Length; i++)
            Assert.InRange(read[i] - picture.Rgb.Span[i], -51, 51);
    }

    [Fact]
    public void A_picture_is_shown_to_people_only()
    {
        Picture picture = Picture.Decode(Shapes);
        foreach (bool sixels in (bool[])[true, false])
        {
            var output = new StringWriter();
            var terminal = new Terminal(output, new StringWriter(), Colors: true) { IsInteractive = true, ReadsSixels = new(() => sixels) };
            Assert.True(TerminalPicture.Show(picture, terminal));
            Assert.Equal(sixels, output.ToString().StartsWith("\eP0;1q\"1;1;480;480", StringComparison.Ordinal));
            if (!sixels)
                Assert.Contains("\e[", output.ToString(), StringComparison.Ordinal);
            Assert.False(TerminalPicture.Show(picture, terminal with { IsInteractive = false }));
            Assert.False(TerminalPicture.Show(picture, terminal with { Colors = false }));
        }
    }

    private static async Task<CosOutput> ChatAsync(string input)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var terminal = new Terminal(output, error) { In = new StringReader(input) };
        int exitCode = await CosCommand.RunAsync(["chat", Shapes, "--threads", "1"], terminal, TestContext.Current.CancellationToken);
        return new CosOutput(exitCode, output.ToString(), error.ToString());
    }

    private static string[] Lines(string text) => text.TrimEnd('\n') is { Length: > 0 } lines ? lines.Split('\n') : text.Length > 0 ? [""] : [];

    private static byte[] ReadSixels(string text, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        var palette = new Dictionary<int, int[]>();
        int color = 0, x = 0, top = 0;
        foreach (Match token in Regex.Matches(text[(text.IndexOf('q', StringComparison.Ordinal) + 1)..^2], @"#(\d+)(;2;(\d+);(\d+);(\d+))?|!(\d+)(.)|""[\d;]+|[?-~]|\$|-"))
        {
            if (token.Groups[2].Success)
                palette[int.Parse(token.Groups[1].Value, null)] = [.. Enumerable.Range(3, 3).Select(g => int.Parse(token.Groups[g].Value, null) * 255 / 100)];
            else if (token.Groups[1].Success)
                color = int.Parse(token.Groups[1].Value, null);
            else if (token.Value == "$")
                x = 0;
            else if (token.Value == "-")
                (x, top) = (0, top + 6);
            else if (token.Value[0] != '"')
            {
                int run = token.Groups[6].Success ? int.Parse(token.Groups[6].Value, null) : 1;
                for (int bits = token.Value[^1] - '?'; run > 0; run--, x++)
                {
                    for (int y = 0; y < 6; y++)
                    {
                        for (int c = 0; (bits >> y & 1) != 0 && c < 3; c++)
                            rgb[((((top + y) * width) + x) * 3) + c] = (byte)palette[color][c];
                    }
                }
            }
        }
        return rgb;
    }

    /// <summary>A terminal: input that waits for lines, and what is written meanwhile to both outputs.</summary>
    private sealed class Typed : TextReader
    {
        private readonly BlockingCollection<string?> _lines = [];
        private readonly Written _written = new();

        public TextWriter Output => _written;

        public string Text => _written.Text;

        public void Type(string? line) => _lines.Add(line);

        public void OnText(string text, Action action) => _written.On = (text, action);

        public override string? ReadLine() => _lines.Take();

        public async Task PromptedAsync(int times)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (Text.Split("\n> ").Length - 1 < times)
                await Task.Delay(5, limit.Token);
        }

        protected override void Dispose(bool disposing)
        {
            _lines.Dispose();
            _written.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class Written : TextWriter
    {
        private readonly Lock _lock = new();
        private readonly StringBuilder _text = new();

        public Written() => NewLine = "\n";

        public override Encoding Encoding => Encoding.UTF8;

        public (string Text, Action Do) On { get; set; } = ("", () => { });

        public string Text
        {
            get
            {
                lock (_lock)
                    return _text.ToString();
            }
        }

        public override void Write(char value) => Write(value.ToString());

        public override void Write(string? value)
        {
            lock (_lock)
                _text.Append(value);
            if (On.Text.Length > 0 && value!.Contains(On.Text, StringComparison.Ordinal))
                On.Do();
        }

        public override void WriteLine(string? value) => Write(value + NewLine);
    }
}
