using System.Collections.Concurrent;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.TestSupport;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using static ChainOfSpot.Extensions.AI.Tests.SpotTinyEngine;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>An application's services: checked as the host starts, loaded beside it, disposed with them.</summary>
public sealed class ServiceCollectionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_loads_the_engine_and_the_chat_client_waits_for_it()
    {
        var lines = new ConcurrentQueue<string>();
        ChainOfSpotEngine engine;
        using (IHost host = HostOf(options => (options.Model, options.Engine) = (Folder, Setup), lines))
        {
            await host.StartAsync(Cancellation);
            IChatClient client = host.Services.GetRequiredService<IChatClient>();
            Assert.Equal("spot-tiny", client.GetService<ChatClientMetadata>()!.DefaultModelId);
            ChatResponse response = await client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation);
            Assert.Equal(Number, response.Text);
            var engines = host.Services.GetRequiredService<ChainOfSpotEngineProvider>();
            engine = await engines.GetAsync(Cancellation);
            Assert.Same(engine, await engines.GetAsync(Cancellation));
            Assert.Same(engine, client.GetService<ChainOfSpotEngine>());
            await host.StopAsync(Cancellation);
        }
        Assert.Throws<ObjectDisposedException>(() => engine.OpenImage(ChainOfSpot.Images.Picture.FromRgb(1, 1, new byte[3])));
        Assert.Contains(lines, line => line.StartsWith("Information ChainOfSpot.ChainOfSpotEngine: Loaded ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("Debug ChainOfSpot.ChainOfSpotEngine: Answered in ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_hosts_start_does_not_wait_for_the_model_but_a_question_does()
    {
        using var mayLoad = new ManualResetEventSlim();
        var lines = new ConcurrentQueue<string>();
        using var factory = new RecordingLoggerFactory(lines)
        {
            OnLine = line =>
            {
                if (line.Contains(": Loading ", StringComparison.Ordinal))
                    mayLoad.Wait(TimeSpan.FromMinutes(1));
            },
        };
        using IHost host = HostOf(options => (options.Model, options.Engine) = (Folder, Setup with { LoggerFactory = factory }));
        await host.StartAsync(Cancellation);
        Task<ChainOfSpotEngine> loading = host.Services.GetRequiredService<ChainOfSpotEngineProvider>().GetAsync(Cancellation);
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        using (var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(50)))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: impatient.Token));
        }
        Assert.False(loading.IsCompleted);
        Task<ChatResponse> asked = client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation);
        mayLoad.Set();
        Assert.Equal(Number, (await asked).Text);
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Without_a_host_it_is_loaded_when_it_is_first_asked_for()
    {
        var services = new ServiceCollection();
        services.AddChainOfSpot(options => (options.Model, options.Engine) = (Folder, Setup));
        ChainOfSpotEngineProvider engines;
        await using (ServiceProvider provider = services.BuildServiceProvider())
        {
            engines = provider.GetRequiredService<ChainOfSpotEngineProvider>();
            Assert.Equal(Folder, (await engines.GetAsync(Cancellation)).ModelPath);
        }
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engines.GetAsync(Cancellation));
    }

    [Fact]
    public async Task Services_that_end_while_it_loads_end_the_loading()
    {
        var services = new ServiceCollection();
        services.AddChainOfSpot(options => (options.Model, options.Engine) = (Folder, Setup));
        Task<ChainOfSpotEngine> loading;
        await using (ServiceProvider provider = services.BuildServiceProvider())
            loading = provider.GetRequiredService<ChainOfSpotEngineProvider>().GetAsync(Cancellation);
        try
        {
            ChainOfSpotEngine engine = await loading;
            Assert.Throws<ObjectDisposedException>(() => engine.OpenImage(ChainOfSpot.Images.Picture.FromRgb(1, 1, new byte[3])));
        }
        catch (OperationCanceledException)
        {
            // Loading was ended before it was done.
        }
    }

    [Fact]
    public async Task A_chat_client_with_middleware_stands_on_top()
    {
        var services = new ServiceCollection();
        services.AddChatClient(provider => provider.GetRequiredService<ChainOfSpotChatClient>()).UseFunctionInvocation();
        services.AddChainOfSpot(options => (options.Model, options.Engine) = (Folder, Setup));
        await using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.IsType<FunctionInvokingChatClient>(client);
        Assert.Same(provider.GetRequiredService<ChainOfSpotChatClient>(), client.GetService<ChainOfSpotChatClient>());
        Assert.Equal(Number, (await client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation)).Text);
    }

    [Fact]
    public async Task Options_are_bound_from_configuration()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ChainOfSpot:Model"] = Folder,
            ["ChainOfSpot:Engine:Threads"] = "1",
            ["ChainOfSpot:Engine:Device:Kind"] = "Cpu",
            ["ChainOfSpot:Engine:CachePositions"] = "1024",
            ["ChainOfSpot:Pictures:MaxPixels"] = "1000000",
        });
        builder.Services.AddOptions<ChainOfSpotOptions>().BindConfiguration("ChainOfSpot");
        builder.Services.AddChainOfSpot();
        using IHost host = builder.Build();
        ChainOfSpotOptions options = host.Services.GetRequiredService<IOptions<ChainOfSpotOptions>>().Value;
        Assert.Equal((1, DeviceKind.Cpu, 1024), (options.Engine.Threads, options.Engine.Device.Kind, options.Engine.CachePositions));
        Assert.Equal((1_000_000, true), (options.Pictures.MaxPixels, options.Pictures.ApplyExifOrientation));
        await host.StartAsync(Cancellation);
        Assert.Equal(1024, (await host.Services.GetRequiredService<ChainOfSpotEngineProvider>().GetAsync(Cancellation)).FreeCachePositions);
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public void Defaults_are_each_applications_own()
    {
        Assert.NotSame(new ChainOfSpotOptions().Engine, new ChainOfSpotOptions().Engine);
        Assert.NotSame(new ChainOfSpotOptions().Pictures, new ChainOfSpotOptions().Pictures);
    }

    [Theory]
    [InlineData("ChainOfSpotOptions.Model is not set")]
    [InlineData("ChainOfSpotOptions.Model is \"nowhere\"")]
    [InlineData("ChainOfSpotOptions.Engine.StepRows is 0")]
    [InlineData("ChainOfSpotOptions.Engine.Threads is -1")]
    [InlineData("ChainOfSpotOptions.Engine.VectorBits is 100")]
    [InlineData("ChainOfSpotOptions.Engine.CachePositions is -1")]
    [InlineData("ChainOfSpotOptions.Engine.ReuseMemory is -1")]
    [InlineData("ChainOfSpotOptions.Engine.MmprojFile is \"nowhere\"")]
    [InlineData("ChainOfSpotOptions.Engine.VisionTower is \"nowhere\"")]
    [InlineData("ChainOfSpotOptions.Engine is null")]
    [InlineData("ChainOfSpotOptions.Pictures is null")]
    [InlineData("ChainOfSpotOptions.Pictures.MaxPixels is 0")]
    public async Task A_host_with_a_wrong_option_does_not_start(string problem)
    {
        using IHost host = HostOf(
            options =>
            {
                options.Model = Folder;
                options.Engine = Setup;
                Action wrong = problem[(nameof(ChainOfSpotOptions).Length + 1)..] switch
                {
                    "Model is not set" => () => options.Model = " ",
                    "Model is \"nowhere\"" => () => options.Model = "nowhere",
                    "Engine.StepRows is 0" => () => options.Engine = Setup with { StepRows = 0 },
                    "Engine.Threads is -1" => () => options.Engine = Setup with { Threads = -1 },
                    "Engine.VectorBits is 100" => () => options.Engine = Setup with { VectorBits = 100 },
                    "Engine.CachePositions is -1" => () => options.Engine = Setup with { CachePositions = -1 },
                    "Engine.ReuseMemory is -1" => () => options.Engine = Setup with { ReuseMemory = -1 },
                    "Engine.MmprojFile is \"nowhere\"" => () => options.Engine = Setup with { MmprojFile = "nowhere" },
                    "Engine.VisionTower is \"nowhere\"" => () => options.Engine = Setup with { VisionTower = "nowhere" },
                    "Engine is null" => () => options.Engine = null!,
                    "Pictures is null" => () => options.Pictures = null!,
                    _ => () => options.Pictures = new() { MaxPixels = 0 },
                };
                wrong();
            });
        OptionsValidationException error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Cancellation));
        Assert.StartsWith(problem, Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_fails_every_question_and_ends_the_host()
    {
        using var folder = new TemporaryFolder();
        using IHost host = HostOf(options => (options.Model, options.Engine) = (folder.Root, Setup));
        await host.StartAsync(Cancellation);
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        await Assert.ThrowsAsync<ModelException>(() => client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), cancellationToken: Cancellation));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Task.Delay(TimeSpan.FromMinutes(1), host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
    }

    private static IHost HostOf(Action<ChainOfSpotOptions> configure, ConcurrentQueue<string>? lines = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddChainOfSpot(configure);
        if (lines is not null)
            builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new RecordingLoggerFactory(lines)));
        return builder.Build();
    }
}
