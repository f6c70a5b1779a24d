using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.TestSupport;
using Microsoft.Extensions.AI;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>The demonstration model on one thread, and what the tests ask it.</summary>
public sealed class SpotTinyEngine : IAsyncLifetime
{
    public const string NumberQuestion = "What number is on the red circle?";
    public const string Number = "640";
    public const string CountQuestion = "How many shapes are there?";

    public static string Folder { get; } = Path.Combine(Fixtures.Repository, "models", "spot-tiny");

    public static EngineOptions Setup { get; } = new() { Device = new DeviceChoice(DeviceKind.Cpu), Threads = 1 };

    public ChainOfSpotEngine Engine { get; private set; } = null!;

    public ChainOfSpotChatClient Client { get; private set; } = null!;

    public static DataContent Picture(string name = "shapes-1.png") =>
        new(File.ReadAllBytes(Path.Combine(Folder, "samples", name)), "image/png");

    public static ChatMessage UserMessage(string question, params AIContent[] others) => new(ChatRole.User, [.. others, new TextContent(question)]);

    public async ValueTask InitializeAsync()
    {
        Engine = await ChainOfSpotEngine.LoadAsync(Folder, Setup);
        Client = new ChainOfSpotChatClient(Engine);
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        return Engine.DisposeAsync();
    }
}
