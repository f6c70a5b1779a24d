using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using ChainOfSpot.Kernels;
using ChainOfSpot.Measurement;
using ChainOfSpot.Models;
using ChainOfSpot.Report;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.GpuReport;

/// <summary>A kernel's time beside what bounds it.</summary>
/// <param name="Name">Operation and shape.</param>
/// <param name="Seconds">Best, middle and worst.</param>
/// <param name="GigabytesPerSecond">Operands, each once, by the best time.</param>
/// <param name="TeraflopsPerSecond">Operations by the best time.</param>
/// <param name="CublasSeconds">The same product by cublasGemmEx; null for other operations and where it is missing.</param>
internal sealed record MeasuredKernel(string Name, Sample Seconds, double GigabytesPerSecond, double TeraflopsPerSecond, double? CublasSeconds);

/// <summary>What one run measured.</summary>
/// <param name="Taken">When.</param>
/// <param name="Device">On what.</param>
/// <param name="Arithmetic">What products may round.</param>
/// <param name="Shape">At which model's shapes.</param>
/// <param name="Weights">The type of the products' weights; cuBLAS has fp16.</param>
/// <param name="CopyGigabytesPerSecond">A copy inside the device's memory by the engine, read and written.</param>
/// <param name="DriverCopyGigabytesPerSecond">The same by the driver alone; null without cuBLAS.</param>
/// <param name="CublasMissing">Why there is no baseline; empty where there is.</param>
/// <param name="Kernels">Every kernel that ran.</param>
/// <param name="Failures">What became of the others.</param>
internal sealed record GpuMeasurements(
    DateTimeOffset Taken, string Device, string Arithmetic, string Shape, string Weights, double CopyGigabytesPerSecond, double? DriverCopyGigabytesPerSecond, string CublasMissing,
    IReadOnlyList<MeasuredKernel> Kernels, IReadOnlyList<string> Failures);

/// <summary>What one run measured of whole questions.</summary>
/// <param name="Taken">When.</param>
/// <param name="Device">On what.</param>
/// <param name="Arithmetic">What products may round.</param>
/// <param name="Model">By which model.</param>
/// <param name="Stages">From picture to answer; kernels were compiled before.</param>
internal sealed record QuestionMeasurements(DateTimeOffset Taken, string Device, string Arithmetic, string Model, IReadOnlyList<Measured> Stages);

/// <summary>Measures every kernel of a GPU at LLaVA-1.5 7B shapes beside copy bandwidth and cuBLAS; writes JSON.</summary>
internal static class Program
{
    private const double SecondsPerSample = 0.02;
    private const int Samples = 5;
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static async Task<int> Main(string[] args)
    {
        var choice = new Option<string>("--device", "-d") { Description = "Which GPU.", HelpName = "cuda:N|opencl:N", DefaultValueFactory = _ => "cuda" };
        var output = new Option<string>("--output", "-o") { Description = "The file to write.", HelpName = "JSON", DefaultValueFactory = _ => "kernels.json" };
        var quick = new Option<bool>("--quick") { Description = "Small shapes: whether it works, not how fast it is." };
        var weights = new Option<ElementType>("--weights") { Description = "Matrix products with weights of this type; fp16 and every kernel if not given.", HelpName = "TYPE", DefaultValueFactory = _ => ElementType.F16 };
        var model = new Option<string?>("--model", "-m") { Description = "Measures whole questions by this model instead.", HelpName = "DIR" };
        var exact = new Option<bool>("--exact") { Description = "Exact arithmetic: fp32 without tensor cores." };
        var root = new RootCommand("Measures every GPU kernel at LLaVA-1.5 7B shapes, or whole questions.") { choice, output, quick, weights, model, exact };
        root.SetAction((parsed, _) => RunAsync(
            parsed.GetRequiredValue(choice), Path.GetFullPath(parsed.GetRequiredValue(output)), parsed.GetValue(quick), parsed.GetValue(weights), parsed.GetValue(model),
            parsed.GetValue(exact) ? Arithmetic.Exact : Arithmetic.Fast));
        return await root.Parse(args).InvokeAsync().ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(string choice, string output, bool quick, ElementType weights, string? model, Arithmetic arithmetic)
    {
        if (!DeviceChoice.TryParse(choice, out DeviceChoice device) || device.Kind is DeviceKind.Cpu or DeviceKind.Auto)
        {
            Console.Error.WriteLine($"--device {choice}: expected cuda, cuda:N, opencl or opencl:N.");
            return 1;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        try
        {
            int failures = 0;
            if (model is null)
                failures = MeasureKernels(device, arithmetic, quick ? LlavaShape.Small : LlavaShape.Llava7B, weights, output);
            else
                await MeasureQuestionsAsync(device, arithmetic, model, output).ConfigureAwait(false);
            Console.WriteLine($"written to {output}");
            return failures == 0 ? 0 : 1;
        }
        catch (Exception e) when (e is DeviceNotFoundException or DeviceMemoryException or ModelException or WeightFileException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static async Task MeasureQuestionsAsync(DeviceChoice device, Arithmetic arithmetic, string model, string output)
    {
        var options = new EngineOptions { Device = device, Arithmetic = arithmetic };
        IReadOnlyList<Measured> stages = await EngineRun.MeasureAsync(model, options, Samples, Console.Out).ConfigureAwait(false);
        Write(output, new QuestionMeasurements(DateTimeOffset.UtcNow, $"{device}", $"{arithmetic}", model, stages));
        foreach (Measured stage in stages)
            Console.WriteLine($"{stage.Name,-42} {stage.Tokens,6} tokens {1e3 * stage.Seconds.Best,10:0.0} ms");
    }

    private static void Write<T>(string output, T result) => File.WriteAllText(output, JsonSerializer.Serialize(result, Json));

    /// <summary>How many kernels failed.</summary>
    private static int MeasureKernels(DeviceChoice choice, Arithmetic arithmetic, LlavaShape shape, ElementType type, string output)
    {
        Dictionary<string, double> baselines = Baselines(shape, choice.Kind == DeviceKind.Cuda, out double? driverCopy, out string missing);
        using Device device = choice.Open(arithmetic: arithmetic);
        using var weights = new ModelWeights(device, shape, type, Path.GetDirectoryName(output)!);
        using var kernels = new KernelCases(device, shape, weights);
        double copy = CopyBytesPerSecond(device, shape == LlavaShape.Llava7B ? 1 << 30 : 1 << 20);
        var measured = new List<MeasuredKernel>();
        var failures = new List<string>();
        IEnumerable<KernelCase> cases = kernels.Cases;
        if (type != ElementType.F16)
            cases = cases.Where(kernel => kernel.Group == KernelCases.MatMul);
        else if (device is GpuDevice { HasTensorCores: true } gpu)
            cases = [.. cases, .. kernels.Cases.Where(kernel => kernel.Group == KernelCases.Attention).Select(kernel => OnTensorCores(gpu, kernel))];
        foreach (KernelCase kernel in cases)
        {
            try
            {
                measured.Add(Measure(device, kernel, Measuring.Costs(device, [kernel])[kernel.Name], baselines));
            }
            catch (Exception e)
            {
                // Whatever a driver has against one kernel: the others are measured.
                failures.Add($"{kernel.Name}: {e.Message}");
                Console.Error.WriteLine(failures[^1]);
            }
            // After each: what is stopped half-way keeps its figures.
            Write(output, new GpuMeasurements(
                DateTimeOffset.UtcNow, device.Name, $"{arithmetic}", shape.Name, $"{type}", copy / 1e9, driverCopy / 1e9, missing, measured, failures));
        }
        return failures.Count;
    }

    /// <summary>The other form of attention, beside the one that the device takes by itself; few rows have but one.</summary>
    private static KernelCase OnTensorCores(GpuDevice gpu, KernelCase kernel) => kernel with
    {
        Name = $"{kernel.Name}, on tensor cores",
        Run = device =>
        {
            gpu.AttentionOnTensorCores = true;
            kernel.Run(device);
            gpu.AttentionOnTensorCores = false;
        },
    };

    private static MeasuredKernel Measure(Device device, KernelCase kernel, OperationCost cost, Dictionary<string, double> baselines)
    {
        double once = Seconds(device, kernel.Run, 1);
        int calls = (int)Math.Clamp(SecondsPerSample / once, 1, 1000);
        var seconds = Sample.Of([.. Enumerable.Range(0, Samples).Select(_ => Seconds(device, kernel.Run, calls))]);
        double? cublas = baselines.TryGetValue(kernel.Name, out double baseline) ? baseline : null;
        var measured = new MeasuredKernel(kernel.Name, seconds, cost.Bytes / seconds.Best / 1e9, cost.Operations / seconds.Best / 1e12, cublas);
        Console.WriteLine(
            $"{measured.Name,-34} {1e6 * seconds.Best,10:0.0} us {measured.GigabytesPerSecond,8:0} GB/s {measured.TeraflopsPerSecond,7:0.0} TFLOP/s{(cublas is { } c ? $"   cuBLAS {1e6 * c,10:0.0} us" : "")}");
        return measured;
    }

    /// <summary>Seconds of one call among several that are enqueued together.</summary>
    private static double Seconds(Device device, Action<Device> run, int calls)
    {
        using Tensor probe = device.Allocate(ElementType.F32, 1, 1);
        float[] read = new float[1];
        device.Write<float>(probe, read);
        device.Read<float>(probe, read);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
            run(device);
        device.Read<float>(probe, read);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }

    private static double CopyBytesPerSecond(Device device, int bytes)
    {
        using Tensor from = device.Allocate(ElementType.U8, 1024, bytes / 1024);
        using Tensor to = device.Allocate(ElementType.U8, 1024, bytes / 1024);
        Seconds(device, d => d.Copy(from, to), 1);
        return 2.0 * bytes / Enumerable.Range(0, Samples).Min(_ => Seconds(device, d => d.Copy(from, to), 10));
    }

    /// <summary>cuBLAS's seconds of every product, by the names of <see cref="KernelCases"/>; before the engine takes memory.</summary>
    private static Dictionary<string, double> Baselines(LlavaShape shape, bool cuda, out double? copy, out string missing)
    {
        var seconds = new Dictionary<string, double>();
        copy = null;
        missing = "not a CUDA device";
        using CuBlas? cublas = cuda ? CuBlas.TryOpen(out missing) : null;
        if (cublas is null)
            return seconds;
        try
        {
            copy = CuBlas.CopyBytesPerSecond();
            foreach ((Projection projection, int rows) in KernelCases.Products(shape))
                seconds[KernelCases.Name(projection, rows)] = cublas.Seconds(rows, projection.Outputs, projection.Inputs);
        }
        catch (InvalidOperationException e)
        {
            missing = e.Message;
        }
        return seconds;
    }
}
