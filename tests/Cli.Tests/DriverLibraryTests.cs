using System.Runtime.InteropServices;
using ChainOfSpot.Runtime.Devices;
using static ChainOfSpot.Cli.Tests.CosOutput;

namespace ChainOfSpot.Cli.Tests;

/// <summary>
/// A machine that builds no programs has NVIDIA's driver under a name with a version alone: libcuda.so.1. Here it is some other
/// library by that name, so that it is found, asked for a GPU, and has none.
/// </summary>
public sealed class DriverLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_driver_by_its_name_with_a_version_is_found_and_asked()
    {
        CosOutput devices = await RunAsync("devices", "--json");
        Assert.Equal((0, ""), (devices.ExitCode, devices.Error));
        Assert.Equal(
            "the driver is there but reports no NVIDIA GPU", devices.Json.GetProperty("missing").GetProperty("cuda").GetString());
        CosOutput refused = await RunAsync("ask", Shapes, Question, "--device", "cuda");
        refused.AssertFailed(1, "cuda: the driver is there but reports no NVIDIA GPU. `cos devices` lists what there is.");
    }

    [Fact]
    public async Task Where_no_gpu_can_be_used_the_processor_answers()
    {
        CosOutput answered = await RunAsync("ask", Shapes, Question, "--json");
        Assert.Equal((0, ""), (answered.ExitCode, answered.Error));
        Assert.Equal("640", answered.Json.GetProperty("answer").GetString());
    }

    private async Task<CosOutput> RunAsync(params string[] args)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Names of other systems have no version.");
        Assert.SkipWhen(CosProcess.IsAnotherBuild, "A native build uses the CPU only.");
        Assert.SkipWhen(GpuSearch.WhyNone(DeviceKind.Cuda)?.Contains("library", StringComparison.Ordinal) != true, "This machine has NVIDIA's own driver.");
        File.Copy(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so"), _folder.Path("libcuda.so.1"), overwrite: true);
        using var process = CosProcess.Start(new() { ["LD_LIBRARY_PATH"] = _folder.Root }, args);
        process.StandardInput.Close();
        return await CosProcess.EndAsync(process);
    }
}
