using Microsoft.Extensions.Hosting;

namespace ChainOfSpot.Extensions.AI;

/// <summary>
/// Loads the engine beside the host's start. Where that fails, the host ends as with any background service
/// (<c>HostOptions.BackgroundServiceExceptionBehavior</c>).
/// </summary>
internal sealed class EngineLoading(ChainOfSpotEngineProvider engines) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => engines.GetAsync(stoppingToken);
}
