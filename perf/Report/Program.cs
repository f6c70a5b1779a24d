using System.CommandLine;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Report;

/// <summary>Measures the machine's roof, every kernel under it, and the model level; writes Markdown, JSON and a plot.</summary>
internal static class Program
{
    private const string JsonFile = "report.json";

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return await RunAsync(args, Console.Out).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ModelException or WeightFileException or IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            await Console.Error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }
    }

    /// <summary>Runs one command line.</summary>
    /// <returns>0; 1 for a regression or an error of the command line.</returns>
    internal static async Task<int> RunAsync(string[] args, TextWriter writer)
    {
        var defaults = new ReportOptions();
        var output = new Option<string>("--output", "-o") { Description = "Folder of the report.", HelpName = "DIR", DefaultValueFactory = _ => defaults.Output };
        var weights = new Option<ElementType>("--weights")
        {
            Description = "How the weights are stored: f32, f16, bf16, q4_0, q8_0, q4_k, …",
            HelpName = "TYPE",
            DefaultValueFactory = _ => defaults.Weights,
        };
        var arithmetic = new Option<Arithmetic>("--arithmetic") { Description = "exact multiplies in fp32, fast in bf16 and int8.", HelpName = "exact|fast" };
        Option<int> threads = CountOption.Threads();
        Option<int> rounds = CountOption.Create("--rounds", "How often everything is measured.", defaults.Rounds);
        var quick = new Option<bool>("--quick") { Description = "Small shapes and one round: whether it works, not how fast it is." };
        var model = new Option<string?>("--model", "-m") { Description = "Folder of a checkpoint to run whole questions on.", HelpName = "DIR" };
        var compare = new Option<string?>("--compare") { Description = "An older report.json; exits with 1 where a time grew beyond the threshold.", HelpName = "JSON" };
        var threshold = new Option<double>("--threshold") { Description = "The share that a time may grow by.", HelpName = "0.1", DefaultValueFactory = _ => defaults.Threshold };
        threshold.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not >= 0)
                result.AddError("--threshold has to be 0 at least.");
        });
        var root = new RootCommand("Measures every kernel at LLaVA-1.5 7B shapes under this machine's measured roof.")
        {
            output, weights, arithmetic, threads, rounds, quick, model, compare, threshold,
        };
        root.SetAction((parsed, _) => RunAsync(
            new ReportOptions
            {
                Output = parsed.GetRequiredValue(output),
                Weights = parsed.GetValue(weights),
                Arithmetic = parsed.GetValue(arithmetic),
                Threads = parsed.GetValue(threads),
                Rounds = parsed.GetValue(quick) ? 1 : parsed.GetValue(rounds),
                StackLayers = parsed.GetValue(quick) ? 2 : defaults.StackLayers,
                Quick = parsed.GetValue(quick),
                Model = parsed.GetValue(model),
                Compare = parsed.GetValue(compare),
                Threshold = parsed.GetValue(threshold),
            },
            writer));
        return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(ReportOptions options, TextWriter writer)
    {
        LlavaShape shape = options.Quick ? LlavaShape.Small : LlavaShape.Llava7B;
        // Read first: a bad file should not be found out after minutes of measuring.
        PerformanceReport? old = options.Compare is { } path ? PerformanceReport.FromJson(path, shape, options.Weights) : null;
        Directory.CreateDirectory(options.Output);
        // First too: a model that cannot be loaded.
        IReadOnlyList<Measured> questions = [];
        if (options.Model is { } model)
        {
            var cpu = new EngineOptions { Device = new DeviceChoice(DeviceKind.Cpu), Threads = options.Threads };
            questions = await EngineRun.MeasureAsync(model, cpu, options.Rounds, writer).ConfigureAwait(false);
        }
        PerformanceReport report = Measuring.Run(options, shape, writer);
        report = report with { Measured = [.. report.Measured, .. questions] };

        await File.WriteAllTextAsync(Path.Combine(options.Output, JsonFile), report.ToJson()).ConfigureAwait(false);
        var markdown = new StringWriter();
        new MarkdownReport(report, markdown).Write();
        await File.WriteAllTextAsync(Path.Combine(options.Output, "report.md"), markdown.ToString()).ConfigureAwait(false);
        RooflinePlot.Save(report, options.Output);
        writer.WriteLine(markdown);
        writer.WriteLine($"written to {Path.GetFullPath(options.Output)}");
        if (old is null)
            return 0;
        var comparison = new Comparison(old, report, options.Threshold);
        comparison.Write(writer);
        return comparison.IsRegression ? 1 : 0;
    }
}
