using Spectre.Console;

namespace ChainOfSpot.Cli.Batch;

/// <summary>Shows how far a batch is, where people watch.</summary>
internal sealed class BatchBar(TextWriter error)
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(200);

    private int _done;

    /// <summary>One line more is done.</summary>
    public void Advance() => Interlocked.Increment(ref _done);

    /// <summary>Shows the bar while <paramref name="work"/> goes on.</summary>
    public async Task ShowAsync(Task work, int answered, int total)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask("Answering", maxValue: Math.Max(1, total));
                do
                {
                    bar.Value = answered + Volatile.Read(ref _done);
                    bar.Description = $"{bar.Value:0} of {total}";
                }
                while (await Task.WhenAny(work, Task.Delay(Refresh)).ConfigureAwait(false) != work);
            }).ConfigureAwait(false);
    }
}
