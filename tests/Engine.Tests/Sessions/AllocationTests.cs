using ChainOfSpot.Engine.Tests.Models;
using ChainOfSpot.Engine.Tests.Telemetry;
using ChainOfSpot.Runtime.Cache;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Engine.Tests.Sessions;

/// <summary>What the engine's own thread allocates while it decodes.</summary>
public sealed class AllocationTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    public async Task A_token_allocates_nothing(int threads, bool observed)
    {
        await using ChainOfSpotEngine engine = await TestEngine.LoadAsync(TestEngine.SpotTiny, new EngineOptions { Threads = threads });
        using TelemetryListener? listener = observed ? new TelemetryListener(engine) : null;
        await DecodeAsync(engine, 900);
        long few = await DecodeAsync(engine, 20);
        long many = await DecodeAsync(engine, 200);
        long most = await DecodeAsync(engine, 900);
        Assert.Equal((few, few), (many, most));
    }

    /// <returns>Bytes that the engine's thread allocated for it.</returns>
    private static async Task<long> DecodeAsync(ChainOfSpotEngine engine, int tokens)
    {
        using var sequence = new KvSequence(engine.Pages);
        var prompt = new PromptRows([1, 20, 30, 40, 50], patches: 0);
        var generation = new Generation(
            sequence, prompt, tokens, endToken: -1, topLogits: 0, TestContext.Current.CancellationToken);
        long before = await engine.OnDeviceAsync(GC.GetAllocatedBytesForCurrentThread);
        await engine.Steps.GenerateAsync(generation);
        long after = await engine.OnDeviceAsync(GC.GetAllocatedBytesForCurrentThread);
        Assert.Equal(tokens, generation.Output.Count);
        return after - before;
    }
}
