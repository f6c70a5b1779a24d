using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.TestSupport;

namespace ChainOfSpot.Engine.Tests.Models;

/// <summary>Engines of the tests: one thread and exact unless a test says otherwise, so that tests can run side by side.</summary>
internal static class TestEngine
{
    public static string SpotTiny { get; } = Path.Combine(Fixtures.Repository, "models", "spot-tiny");

    /// <summary>An engine on the CPU in exact arithmetic, unless the options name something else.</summary>
    public static Task<ChainOfSpotEngine> LoadAsync(string folder, EngineOptions? options = null)
    {
        options ??= new EngineOptions { Threads = 1 };
        if (options.Device.Kind == DeviceKind.Auto)
            options = options with { Device = new DeviceChoice(DeviceKind.Cpu) };
        return ChainOfSpotEngine.LoadAsync(
            folder, options with { Arithmetic = options.Arithmetic ?? Arithmetic.Exact }, cancellationToken: TestContext.Current.CancellationToken);
    }

    public static Task<Answer> AskForTestAsync(this SpotImage image, string question, AskOptions? options = null) =>
        image.AskAsync(question, options, TestContext.Current.CancellationToken);

    public static int[] Bits(ReadOnlySpan<float> values)
    {
        int[] bits = new int[values.Length];
        for (int i = 0; i < bits.Length; i++)
            bits[i] = BitConverter.SingleToInt32Bits(values[i]);
        return bits;
    }
}
