using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>The programs of the README, between the marks as they stand there.</summary>
internal static class ReadmePrograms
{
    /// <summary>Runs them all, in the root of the repository.</summary>
    /// <returns>What each of them is answered.</returns>
    public static async Task<string[]> RunAsync()
    {
        // README
        await using var engine = await ChainOfSpotEngine.LoadAsync("models/spot-tiny");
        await using SpotImage image = await engine.OpenImageAsync("models/spot-tiny/samples/shapes-1.png");
        Answer answer = await image.AskAsync("What number is on the red circle?");
        Console.WriteLine($"{answer.Text} at {answer.Region!.Pixels}, {answer.Usage.CachedInputTokens} of {answer.Usage.InputTokens} tokens cached");
        // README ends

        // README
        IChatClient client = new ChainOfSpotChatClient(engine).AsBuilder().UseOpenTelemetry().Build();
        DataContent picture = await DataContent.LoadFromAsync("models/spot-tiny/samples/shapes-1.png");
        var chat = new List<ChatMessage> { new(ChatRole.User, [picture, new TextContent("What number is on the red circle?")]) };
        ChatResponse response = await client.GetResponseAsync(chat);
        Console.WriteLine($"{response.Text} at {response.AdditionalProperties![RegionProperties.Text]}");
        // README ends

        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        // README
        builder.Services.AddChainOfSpot(options => options.Model = "models/spot-tiny");
        builder.Services.AddChatClient(services => services.GetRequiredService<ChainOfSpotChatClient>()).UseOpenTelemetry();
        // README ends
        using IHost host = builder.Build();
        await host.StartAsync();
        ChatResponse hosted = await host.Services.GetRequiredService<IChatClient>().GetResponseAsync(chat);
        await host.StopAsync();
        return [answer.Text, response.Text, hosted.Text];
    }
}
