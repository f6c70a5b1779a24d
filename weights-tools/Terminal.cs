using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ChainOfSpot.WeightsTools;

/// <summary>Where a command writes to, and whether people watch.</summary>
/// <param name="Out">Standard output: the result.</param>
/// <param name="Error">Standard error: one line for an error, and progress.</param>
/// <param name="IsTerminal">Whether a terminal shows the result.</param>
/// <param name="ShowsProgress">Whether a terminal shows standard error.</param>
internal sealed record Terminal(TextWriter Out, TextWriter Error, bool IsTerminal = false, bool ShowsProgress = false)
{
    private const int WidthOfFiles = 200;

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected);

    /// <summary>Writes a table; its lines are not broken where nobody watches.</summary>
    public void Write(Table table)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Out),
            Ansi = IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!IsTerminal)
            console.Profile.Width = WidthOfFiles;
        console.Write(table.SimpleBorder());
    }

    /// <summary>Runs <paramref name="work"/> below a bar with rate and time left, which only a terminal shows.</summary>
    /// <param name="title">What is done.</param>
    /// <param name="totalBytes">Bytes in all; the work reports those that it finished since its last report.</param>
    /// <param name="work">The work.</param>
    public void RunWithProgress(string title, long totalBytes, Action<IProgress<long>> work)
    {
        if (!ShowsProgress)
        {
            work(new Added(_ => { }));
            return;
        }
        Bar(new DownloadedColumn { Base = FileSizeBase.Decimal }, new TransferSpeedColumn { Base = FileSizeBase.Decimal }).Start(context =>
        {
            ProgressTask bar = context.AddTask(Markup.Escape(title), maxValue: Math.Max(1, totalBytes));
            work(new Added(bytes => bar.Increment(bytes)));
        });
    }

    /// <summary>The same for steps that are no bytes.</summary>
    public async Task RunWithProgressAsync(string title, int steps, Func<IProgress<long>, Task> work)
    {
        if (!ShowsProgress)
        {
            await work(new Added(_ => { })).ConfigureAwait(false);
            return;
        }
        await Bar(new PercentageColumn(), new RateColumn()).StartAsync(async context =>
        {
            ProgressTask bar = context.AddTask(Markup.Escape(title), maxValue: steps);
            await work(new Added(done => bar.Increment(done))).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private Progress Bar(params ReadOnlySpan<ProgressColumn> amounts) => AnsiConsole
        .Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Error) })
        .Progress()
        .AutoClear(true)
        .Columns([new TaskDescriptionColumn(), new ProgressBarColumn(), .. amounts, new RemainingTimeColumn()]);

    /// <summary>Steps a second, or seconds a step where they take longer.</summary>
    private sealed class RateColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Markup(task.Speed switch
        {
            null or 0 => "",
            >= 1 => string.Create(CultureInfo.InvariantCulture, $"{task.Speed:0.0}/s"),
            { } speed => string.Create(CultureInfo.InvariantCulture, $"{1 / speed:0.0} s each"),
        });
    }

    /// <summary>Reports at once, on the thread that works; <see cref="Progress{T}"/> would queue.</summary>
    private sealed class Added(Action<long> add) : IProgress<long>
    {
        public void Report(long value) => add(value);
    }
}
