using System.Diagnostics;
using System.Globalization;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;

namespace ChainOfSpot.Cli.Batch;

/// <summary>Carries out <c>cos batch</c>: asks a window of questions at a time and writes the answers in the order of the lines.</summary>
internal sealed class BatchRun
{
    private readonly BatchRequest _request;
    private readonly Terminal _terminal;
    private readonly BatchBar? _bar;
    private readonly Lock _errors = new();
    private int _failures;
    private int _written;

    private BatchRun(BatchRequest request, Terminal terminal)
    {
        _request = request;
        _terminal = terminal;
        _bar = terminal.ShowsProgress ? new BatchBar(terminal.Error) : null;
    }

    /// <summary>Answers all lines that are not answered yet.</summary>
    /// <returns>The exit code: 1 where a line failed.</returns>
    public static async Task<int> RunAsync(BatchRequest request, Terminal terminal, CancellationToken cancellation)
    {
        ModelPaths.Check(request.Model, request.Engine);
        if (Path.GetFullPath(request.Questions) == Path.GetFullPath(request.Out))
            throw new CommandException(ErrorCodes.BadOption, "The questions and --out have to be different files.");
        return await new BatchRun(request, terminal).RunAsync(cancellation).ConfigureAwait(false);
    }

    private async Task<int> RunAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        int total = Lines().Count();
        using BatchOutput output = BatchOutput.Open(_request.Out);
        using IEnumerator<BatchLine> lines = Lines().GetEnumerator();
        int answered = output.Resume(lines);
        if (answered < total)
        {
            Task work = AnswerAllAsync(lines, output, cancellation);
            if (_bar is not null)
                await _bar.ShowAsync(work, answered, total).ConfigureAwait(false);
            await work.ConfigureAwait(false);
        }
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        string before = answered > 0 ? $", {answered} were answered before" : "";
        string failed = _failures > 0 ? $", {_failures} of them failed" : "";
        _terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{_written} questions in {time.TotalSeconds:0.0} s{failed}{before}: {_request.Out.Printable()}"));
        return _failures > 0 ? 1 : 0;
    }

    private async Task AnswerAllAsync(IEnumerator<BatchLine> lines, BatchOutput output, CancellationToken cancellation)
    {
        await using ChainOfSpotEngine engine =
            await ChainOfSpotEngine.LoadAsync(_request.Model, _request.Engine, cancellationToken: cancellation).ConfigureAwait(false);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var open = new Queue<(BatchLine Line, Task<string> Result)>();
        try
        {
            while (lines.MoveNext())
            {
                BatchLine line = lines.Current;
                open.Enqueue((line, Task.Run(() => AnswerAsync(engine, line, end.Token), CancellationToken.None)));
                if (open.Count == _request.Parallel)
                    await WriteFirstAsync(open, output).ConfigureAwait(false);
            }
            while (open.Count > 0)
                await WriteFirstAsync(open, output).ConfigureAwait(false);
        }
        finally
        {
            // What is still asked when something went wrong is asked again by the next run.
            await end.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(open.Select(item => item.Result)).ContinueWith(
                _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    private async Task WriteFirstAsync(Queue<(BatchLine Line, Task<string> Result)> open, BatchOutput output)
    {
        (BatchLine line, Task<string> result) = open.Peek();
        string text = await result.ConfigureAwait(false);
        output.Add(line.With(text));
        open.Dequeue();
        _written++;
        _bar?.Advance();
    }

    /// <summary>Answers a line.</summary>
    /// <returns>The object that <c>cos ask --json</c> prints, that of an error too.</returns>
    private async Task<string> AnswerAsync(ChainOfSpotEngine engine, BatchLine line, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            cancellation.ThrowIfCancellationRequested();
            (string path, string question) = line.Read();
            string folder = Path.GetDirectoryName(Path.GetFullPath(_request.Questions))!;
            Picture picture = Picture.Decode(Path.Combine(folder, path));
            TimeSpan pictureTime = Stopwatch.GetElapsedTime(start);
            using SpotImage image = engine.OpenImage(picture);
            Answer answer = await image.AskAsync(question, _request.Ask, cancellation).ConfigureAwait(false);
            return CliJson.ToText(AskJson.Of(new AskResult
            {
                Question = question,
                Picture = picture,
                Answer = answer,
                Device = engine.DeviceName,
                Model = engine.ModelPath,
                LoadTime = TimeSpan.Zero,
                PictureTime = pictureTime,
                TotalTime = Stopwatch.GetElapsedTime(start),
            }));
        }
        catch (Exception error) when (error is not OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            var reported = CommandError.Of(error);
            Interlocked.Increment(ref _failures);
            lock (_errors)
                _terminal.Error.WriteLine($"cos: {_request.Questions.Printable()} line {line.Number}: {reported.Message}");
            return CliJson.ToText(new ErrorJson(reported));
        }
    }

    /// <summary>The lines of the questions that are not blank.</summary>
    private IEnumerable<BatchLine> Lines()
    {
        int number = 0;
        IEnumerable<string> lines;
        try
        {
            lines = File.ReadLines(_request.Questions);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandException(ErrorCodes.FileNotRead, $"{_request.Questions} cannot be read: {error.Message}", error);
        }
        foreach (string line in lines)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
                yield return new BatchLine(number, line);
        }
    }
}
