using System.Diagnostics;
using ChainOfSpot.Cli.Ask;
using ChainOfSpot.Cli.Errors;
using ChainOfSpot.Cli.Output;
using ChainOfSpot.Images;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Cli.Profile;

/// <summary>Carries out <c>cos profile</c>.</summary>
internal static class ProfileRun
{
    /// <summary>Asks, measures the roof, prints the table and writes the trace.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(ProfileRequest request, Terminal terminal, CancellationToken cancellation)
    {
        ModelPaths.Check(request.Model, request.Engine);
        Picture picture = await Task.Run(() => Picture.Decode(request.Picture), cancellation).ConfigureAwait(false);
        // That it cannot be written should not be found out after minutes of computing.
        if (request.TracePath is { } path && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            throw new CommandException(ErrorCodes.FileNotWritten, $"--trace {path}: its folder does not exist.");

        DeviceCeilings before = MeasureRoof(request.Engine.Threads);
        var log = new OperationLog();
        EngineOptions options = request.Engine with { OperationLog = log };
        Answer answer;
        long start;
        string device;
        using (ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(request.Model, options, cancellationToken: cancellation).ConfigureAwait(false))
        {
            device = engine.DeviceName;
            if (request.Warm)
                await AskAsync(engine, picture, request, cancellation).ConfigureAwait(false);
            engine.ForgetReused();
            log.Clear();
            start = Stopwatch.GetTimestamp();
            answer = await AskAsync(engine, picture, request, cancellation).ConfigureAwait(false);
        }

        // Only the CPU's roof is measured here.
        bool onCpu = device.StartsWith("cpu ", StringComparison.Ordinal);
        DeviceCeilings? roof = onCpu ? DeviceCeilings.Highest(before, MeasureRoof(request.Engine.Threads)) : null;
        ProfileTable.Write(terminal, answer, log.Records, roof, device);
        if (request.TracePath is not null)
            WriteTrace(request.TracePath, log.Records, start);
        return 0;
    }

    private static DeviceCeilings MeasureRoof(int threads)
    {
        // The peaks of bf16 and int8 are measured with the kernels that only fast arithmetic assembles.
        using CpuDevice device = CpuDevice.Create(threads, arithmetic: Arithmetic.Fast);
        return device.MeasureCeilings();
    }

    private static async Task<Answer> AskAsync(ChainOfSpotEngine engine, Picture picture, ProfileRequest request, CancellationToken cancellation)
    {
        using SpotImage image = engine.OpenImage(picture);
        return await image.AskAsync(request.Question, request.Ask, cancellation).ConfigureAwait(false);
    }

    private static void WriteTrace(string path, IReadOnlyList<OperationRecord> records, long start)
    {
        try
        {
            using FileStream file = File.Create(path);
            OperationTrace.Write(file, records, start);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ErrorCodes.FileNotWritten, $"--trace {path} cannot be written: {error.Message}", error);
        }
    }
}
