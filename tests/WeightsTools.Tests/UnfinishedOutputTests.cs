using System.Diagnostics;
using ChainOfSpot.Kernels;
using ChainOfSpot.WeightsTools.Output;

namespace ChainOfSpot.WeightsTools.Tests;

/// <summary>Whatever ends the work before its end leaves nothing.</summary>
public sealed class UnfinishedOutputTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public unsafe void A_cancellation_while_rows_are_made_leaves_nothing()
    {
        using CancellationTokenSource cancellation = new();
        OutputTensor tensor = new("t", ElementType.F32, [10_000, 1024], (row, _) =>
        {
            if (row == 5000)
                cancellation.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Write(tensor, cancellation.Token));
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
    }

    [Fact]
    public unsafe void An_error_while_rows_are_made_is_thrown_as_it_is_and_leaves_nothing()
    {
        Directory.CreateDirectory(_tool.PathOf("model"));
        File.WriteAllText(_tool.PathOf("model", "notes.txt"), "mine");
        OutputTensor tensor = new("t", ElementType.F32, [10_000, 1024], (row, _) =>
        {
            if (row == 5000)
                throw new CommandException("row 5000");
        });
        Assert.Equal("row 5000", Assert.Throws<CommandException>(() => Write(tensor, TestContext.Current.CancellationToken)).Message);
        Assert.Equal([_tool.PathOf("model")], Directory.GetFileSystemEntries(_tool.Root));
        Assert.Equal([_tool.PathOf("model", "notes.txt")], Directory.GetFileSystemEntries(_tool.PathOf("model")));
    }

    [Fact]
    public unsafe void A_full_disk_is_said_so()
    {
        if (!File.Exists("/dev/full"))
            Assert.Skip("This system has no /dev/full.");
        OutputTensor tensor = new("t", ElementType.F32, [16, 1024], (_, _) => { });
        using FileStream full = new("/dev/full", new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Write, BufferSize = 0 });
        CancellationToken never = TestContext.Current.CancellationToken;
        IOException error = Assert.Throws<IOException>(() => SafetensorsWriter.WriteFile(full, [tensor], progress: null, never));
        (string message, int exitCode) = ErrorLine.Of(error);
        Assert.StartsWith("the disk is full", message, StringComparison.Ordinal);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public void A_disk_that_is_too_small_is_told_before_anything_is_written()
    {
        CommandException error = Assert.Throws<CommandException>(() => PendingFolder.Create(_tool.PathOf("model"), [], long.MaxValue));
        Assert.Contains("left", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
    }

    [Fact]
    public void Folders_that_were_made_for_the_output_go_with_it()
    {
        string target = _tool.PathOf("a", "b", "model");
        Assert.Throws<CommandException>(() => PendingFolder.Create(target, [], long.MaxValue));
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
        PendingFolder.Create(target, [], 1).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));

        using (PendingFolder pending = PendingFolder.Create(target, [], 1))
            Directory.CreateDirectory(_tool.PathOf("a", "others"));
        Assert.Equal([_tool.PathOf("a", "others")], Directory.GetFileSystemEntries(_tool.PathOf("a")));

        using (PendingFolder pending = PendingFolder.Create(target, [], 1))
            pending.Complete();
        Assert.True(Directory.Exists(target));
    }

    [Fact]
    public async Task A_write_error_of_the_system_leaves_nothing()
    {
        // A limit on the size of files makes the system refuse to write on, as a full disk does. The runtime's own doubly mapped
        // memory is such a file too.
        (int exitCode, string error) = await RunProcessAsync(
            "trap '' XFSZ; ulimit -f 1000; DOTNET_EnableWriteXorExecute=0 exec", TimeSpan.Zero);
        Assert.Equal(1, exitCode);
        Assert.Contains("largest size", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_leaves_nothing(string signal)
    {
        (int exitCode, string error) = await RunProcessAsync(
            "exec", TimeSpan.FromMinutes(1), signal, "--hidden", "1024", "--intermediate", "4096", "--layers", "60");
        Assert.Equal(130, exitCode);
        Assert.Contains("stopped", error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_tool.Root));
    }

    private void Write(OutputTensor tensor, CancellationToken cancellation)
    {
        using StringWriter text = new();
        HuggingFaceFolder.Write(
            new Terminal(text, text), _tool.PathOf("model"), [tensor], new Dictionary<string, byte[]>(), long.MaxValue, cancellation);
    }

    /// <summary>Runs the tool as a process, and sends it a signal as soon as it writes.</summary>
    private async Task<(int ExitCode, string Error)> RunProcessAsync(
        string shell, TimeSpan patience, string signal = "", params string[] options)
    {
        CancellationToken never = TestContext.Current.CancellationToken;
        if (OperatingSystem.IsWindows())
            Assert.Skip("Signals and limits are those of Unix.");
        string tool = Path.Combine(AppContext.BaseDirectory, "cos-weights.dll");
        string arguments = string.Join(' ', (string[])["random", "--type", "f32", "--output", _tool.PathOf("model"), .. options]);
        using Process process = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", $"{shell} dotnet {tool} {arguments}"])
        {
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync(never);
        for (Stopwatch time = Stopwatch.StartNew(); signal.Length > 0 && time.Elapsed < patience; await Task.Delay(20, never))
        {
            if (Directory.EnumerateFiles(_tool.Root, "*.safetensors", SearchOption.AllDirectories).Any())
            {
                using Process kill = Process.Start("kill", ["-" + signal, $"{process.Id}"]);
                await kill.WaitForExitAsync(never);
                break;
            }
        }
        await process.WaitForExitAsync(never);
        return (process.ExitCode, await error);
    }
}
