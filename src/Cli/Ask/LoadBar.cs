using Spectre.Console;

namespace ChainOfSpot.Cli.Ask;

/// <summary>Shows how far the loading of a large model is. A load that is done at once is not disturbed by a bar.</summary>
internal sealed class LoadBar(TextWriter error) : IProgress<LoadProgress>
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(100);

    private long _read;
    private long _total;

    /// <summary>Loads a model and shows how far that is, where there is a bar to show it.</summary>
    public static async Task<ChainOfSpotEngine> LoadAsync(LoadBar? bar, string model, EngineOptions options, CancellationToken cancellation)
    {
        Task<ChainOfSpotEngine> load = ChainOfSpotEngine.LoadAsync(model, options, bar, cancellation);
        if (bar is not null)
            await bar.ShowAsync(load).ConfigureAwait(false);
        return await load.ConfigureAwait(false);
    }

    public void Report(LoadProgress value)
    {
        Volatile.Write(ref _total, value.TotalBytes);
        Volatile.Write(ref _read, value.BytesRead);
    }

    /// <summary>Shows the bar while <paramref name="load"/> goes on.</summary>
    public async Task ShowAsync(Task load)
    {
        if (await IsDoneAsync(load, Patience).ConfigureAwait(false))
            return;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask("Loading the model", maxValue: 1);
                while (!await IsDoneAsync(load, Refresh).ConfigureAwait(false))
                {
                    bar.MaxValue = Math.Max(1, Volatile.Read(ref _total));
                    bar.Value = Volatile.Read(ref _read);
                }
            }).ConfigureAwait(false);
    }

    private static async Task<bool> IsDoneAsync(Task load, TimeSpan within) =>
        await Task.WhenAny(load, Task.Delay(within)).ConfigureAwait(false) == load;
}
