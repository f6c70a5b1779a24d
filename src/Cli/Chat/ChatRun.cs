using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Cli.Chat;

/// <summary>Carries out <c>cos chat</c>: reads lines, answers questions behind each other, and does what commands say.</summary>
internal sealed class ChatRun : IDisposable
{
    private const string Help = """
        A line is a question, or one of
          /direct QUESTION   asks without looking twice
          /overlay [FILE]    shows where the last question looked, or writes that as PNG
          /stats             tokens and times of the last question
          /reset             forgets the conversation
          /picture FILE      goes on with another picture
          /help              this list
          /quit              ends
        """;

    private readonly ChatRequest _request;
    private readonly Terminal _terminal;
    private readonly CancellationToken _cancellation;
    private readonly ChainOfSpotEngine _engine;
    private readonly ChatReport _report;
    private string _path;
    private SpotImage _image;
    private SpotConversation _conversation;
    private (string Question, Answer Answer)? _last;
    private bool _failed;

    private ChatRun(ChatRequest request, Terminal terminal, ChainOfSpotEngine engine, Picture picture, CancellationToken cancellation)
    {
        _request = request;
        _terminal = terminal;
        _engine = engine;
        _cancellation = cancellation;
        _report = new ChatReport(terminal);
        _path = request.Picture;
        _image = engine.OpenImage(picture);
        _conversation = _image.StartConversation();
    }

    /// <summary>Loads the model and answers until the input ends.</summary>
    /// <returns>The exit code: 1 where a line of an input that is no terminal failed.</returns>
    public static async Task<int> RunAsync(ChatRequest request, Terminal terminal, CancellationToken cancellation)
    {
        ModelPaths.Check(request.Model, request.Engine);
        Picture picture = await Task.Run(() => Picture.Decode(request.Picture), cancellation).ConfigureAwait(false);
        LoadBar? bar = terminal.ShowsProgress ? new LoadBar(terminal.Error) : null;
        using ChainOfSpotEngine engine = await LoadBar.LoadAsync(bar, request.Model, request.Engine, cancellation).ConfigureAwait(false);
        using var chat = new ChatRun(request, terminal, engine, picture, cancellation);
        return await chat.RunAsync().ConfigureAwait(false);
    }

    public void Dispose() => _image.Dispose();

    private async Task<int> RunAsync()
    {
        _report.Begin(_image.Picture, _engine);
        while (await ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            var read = ChatLine.Of(line);
            if (read is { Command: "", Text: "" })
                continue;
            if (read.Command == "/quit")
                break;
            try
            {
                await DoAsync(read).ConfigureAwait(false);
            }
            catch (Exception error) when (!_cancellation.IsCancellationRequested)
            {
                _failed = true;
                _report.Fail(CommandError.Of(error), isQuestion: read is { Command: "" or "/direct", Text.Length: > 0 });
            }
        }
        return _failed && !_terminal.IsInteractive ? 1 : 0;
    }

    private async Task<string?> ReadLineAsync()
    {
        _report.Prompt();
        string? line = null;
        try
        {
            // A console's reader does not give up waiting; nobody waits for it when the chat ends.
            line = await Task.Run(_terminal.In.ReadLine, _cancellation).WaitAsync(_cancellation).ConfigureAwait(false);
            return line;
        }
        finally
        {
            if (line is null)
                _report.End();
        }
    }

    private async Task DoAsync(ChatLine line)
    {
        switch (line.Command)
        {
            case "":
                await AskAsync(line.Text, _request.Ask).ConfigureAwait(false);
                break;
            case "/direct":
                await AskAsync(Wanted(line, "a question"), _request.Ask with { Direct = true, FreeRegion = false }).ConfigureAwait(false);
                break;
            case "/overlay":
                ShowOverlay(line.Text);
                break;
            case "/stats":
                _report.Stats(Last().Question, Last().Answer, _image.Picture, _engine, _conversation.Turns.Count);
                break;
            case "/reset":
                _conversation = _image.StartConversation();
                break;
            case "/picture":
                await ChangePictureAsync(Wanted(line, "a file")).ConfigureAwait(false);
                break;
            case "/help":
                _report.Say(Help);
                break;
            default:
                throw new CommandException(ErrorCodes.BadLine, $"{line.Command} is no command; /help lists them.");
        }
    }

    private async Task AskAsync(string question, AskOptions options)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        using IDisposable interrupted = _terminal.Interrupts.Redirect(end);
        while (true)
        {
            try
            {
                _report.BeginAnswer();
                await foreach (AnswerUpdate update in _conversation.AskStreamingAsync(question, options, end.Token).ConfigureAwait(false))
                {
                    _report.Show(update);
                    if (update.Answer is { } answer)
                        _last = (question, answer);
                }
                return;
            }
            catch (ContextLengthException) when (_conversation.Turns.Count > 0)
            {
                // It is thrown before anything is said.
                _conversation = _image.StartConversation(_conversation.Turns.Skip(1));
                _terminal.Error.WriteLine("cos: the model's context is full: the first question of the conversation is forgotten.");
            }
        }
    }

    private void ShowOverlay(string path)
    {
        (string question, Answer answer) = Last();
        Picture overlay = Overlay.Draw(_image.Picture, answer.Region?.Pixels ?? default(PixelBox), question, answer.Text);
        if (path.Length == 0)
        {
            if (!TerminalPicture.Show(overlay, _terminal))
                throw new CommandException(ErrorCodes.BadLine, "/overlay lacks a file: no picture can be shown here.");
            return;
        }
        if (Path.GetFullPath(path) == Path.GetFullPath(_path))
            throw new CommandException(ErrorCodes.BadLine, $"{path} is the picture itself; expected another file.");
        using OutputPicture file = OutputPicture.Open(path);
        file.Save(overlay);
    }

    private async Task ChangePictureAsync(string path)
    {
        Picture picture = await Task.Run(() => Picture.Decode(path), _cancellation).ConfigureAwait(false);
        _image.Dispose();
        _image = _engine.OpenImage(picture);
        _path = path;
        _conversation = _image.StartConversation();
        _last = null;
        _report.Begin(picture, engine: null);
    }

    private (string Question, Answer Answer) Last() =>
        _last ?? throw new CommandException(ErrorCodes.BadLine, "No question about this picture is answered yet.");

    private static string Wanted(ChatLine line, string what) =>
        line.Text.Length > 0 ? line.Text : throw new CommandException(ErrorCodes.BadLine, $"{line.Command} lacks {what}.");
}
