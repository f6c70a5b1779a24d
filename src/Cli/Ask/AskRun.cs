using System.Diagnostics;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Cli.Ask;

/// <summary>Carries out <c>cos ask</c>: loads model and picture side by side, asks, writes the files and the report.</summary>
internal static class AskRun
{
    /// <summary>Answers one question.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(AskRequest request, Terminal terminal, CancellationToken cancellation)
    {
        ModelPaths.Check(request.Model ?? DefaultModel.Folder, request.Engine);
        CheckOutputs(request);
        using OutputPicture? overlay = request.OverlayPath is { } overlayPath ? OutputPicture.Open(overlayPath) : null;
        using OutputPicture? crop = request.CropPath is { } cropPath ? OutputPicture.Open(cropPath) : null;

        AskResult result = await AskAsync(request, terminal, cancellation).ConfigureAwait(false);
        if (!request.AsJson)
            new AskReport(terminal).Write(result, request);
        overlay?.Save(DrawOverlay(result));
        crop?.Save(Picture.FromRgb(result.Answer.Region!.CropSide, result.Answer.Region.CropSide, result.Answer.Region.Crop.Span));
        if (request.AsJson)
            terminal.Out.WriteLine(CliJson.ToText(AskJson.Of(result)));
        return 0;
    }

    private static async Task<AskResult> AskAsync(AskRequest request, Terminal terminal, CancellationToken cancellation)
    {
        string question = request.Question == AskRequest.StandardInput
            ? await Task.Run(() => StandardInput.ReadQuestion(Console.OpenStandardInput()), cancellation).WaitAsync(cancellation).ConfigureAwait(false)
            : request.Question;

        long start = Stopwatch.GetTimestamp();
        string model = request.Model ?? DefaultModel.Folder;
        using var loadEnd = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<(ChainOfSpotEngine Engine, TimeSpan Time)> load = LoadAsync(model, request, terminal, loadEnd.Token);
        Picture picture;
        TimeSpan pictureTime;
        try
        {
            (picture, pictureTime) = await Task.Run(() => ReadPicture(request), cancellation).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            // Nobody will ask the model; the picture's error is the one to report.
            await loadEnd.CancelAsync().ConfigureAwait(false);
            await load.ContinueWith(
                ended => { if (ended.IsCompletedSuccessfully) ended.Result.Engine.Dispose(); },
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
            throw;
        }

        (ChainOfSpotEngine engine, TimeSpan loadTime) = await load.ConfigureAwait(false);
        using (engine)
        {
            using SpotImage image = engine.OpenImage(picture);
            Answer answer = await image.AskAsync(question, request.Ask, cancellation).ConfigureAwait(false);
            return new AskResult
            {
                Question = question,
                Picture = picture,
                Answer = answer,
                Device = engine.DeviceName,
                Model = engine.ModelPath,
                LoadTime = loadTime,
                PictureTime = pictureTime,
                TotalTime = Stopwatch.GetElapsedTime(start),
            };
        }
    }

    private static async Task<(ChainOfSpotEngine Engine, TimeSpan Time)> LoadAsync(
        string model, AskRequest request, Terminal terminal, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        LoadBar? bar = terminal.ShowsProgress && !request.AsJson ? new LoadBar(terminal.Error) : null;
        ChainOfSpotEngine engine = await LoadBar.LoadAsync(bar, model, request.Engine, cancellation).ConfigureAwait(false);
        return (engine, Stopwatch.GetElapsedTime(start));
    }

    private static (Picture Picture, TimeSpan Time) ReadPicture(AskRequest request)
    {
        long start = Stopwatch.GetTimestamp();
        var options = new PictureOptions { ApplyExifOrientation = request.ApplyExifOrientation };
        if (request.Picture != AskRequest.StandardInput)
            return (Picture.Decode(request.Picture, options), Stopwatch.GetElapsedTime(start));
        using Stream input = Console.OpenStandardInput();
        return (Picture.Decode(input, StandardInput.Name, options), Stopwatch.GetElapsedTime(start));
    }

    private static Picture DrawOverlay(AskResult result) =>
        // A direct pass has no region; nothing is marked then.
        Overlay.Draw(result.Picture, result.Answer.Region?.Pixels ?? default(PixelBox), result.Question, result.Answer.Text);

    /// <summary>Refuses to write two pictures to one file, or one over the picture that is asked about.</summary>
    private static void CheckOutputs(AskRequest request)
    {
        string?[] paths = [request.Picture == AskRequest.StandardInput ? null : request.Picture, request.OverlayPath, request.CropPath];
        string[] whole = [.. paths.OfType<string>().Where(path => path.Length > 0).Select(Path.GetFullPath)];
        if (whole.Distinct(StringComparer.Ordinal).Count() < whole.Length)
            throw new CommandException(ErrorCodes.BadOption, "The picture, --overlay and --crop have to be different files.");
    }
}
