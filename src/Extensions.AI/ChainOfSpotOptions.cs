using ChainOfSpot.Images;

namespace ChainOfSpot.Extensions.AI;

/// <summary>Which engine an application has; checked when its host starts.</summary>
public sealed class ChainOfSpotOptions
{
    /// <summary>The folder of a LLaVA-1.5 checkpoint, or a GGUF file or a folder of these.</summary>
    public string Model { get; set; } = "";

    /// <summary>
    /// How the engine is set up. Its <see cref="EngineOptions.LoggerFactory"/> is the application's where it names none.
    /// </summary>
    public EngineOptions Engine { get; set; } = new();

    /// <summary>How the pictures of chats are read; by default upright.</summary>
    public PictureOptions Pictures { get; set; } = ChainOfSpotChatClient.DefaultPictures;
}
