using System.Collections;
using System.Reflection;
using Microsoft.Extensions.AI;

namespace ChainOfSpot.Extensions.AI;

/// <summary>What <see cref="ChatOptions"/> say about how a question is answered.</summary>
internal static class ChatAskOptions
{
    private static readonly HashSet<string> Honoured =
    [
        nameof(ChatOptions.Temperature), nameof(ChatOptions.TopP), nameof(ChatOptions.Seed), nameof(ChatOptions.StopSequences),
        nameof(ChatOptions.MaxOutputTokens), nameof(ChatOptions.RawRepresentationFactory),
    ];

    /// <summary>All others, those that a later version of the library brings too: whichever is set is refused by its name.</summary>
    private static readonly PropertyInfo[] Others =
        [.. typeof(ChatOptions).GetProperties().Where(property => !Honoured.Contains(property.Name))];

    /// <summary>
    /// Lays the chat's options over those that <see cref="ChatOptions.RawRepresentationFactory"/> gives, where it gives
    /// <see cref="AskOptions"/>.
    /// </summary>
    /// <param name="options">The chat's options; null for none.</param>
    /// <param name="client">The client that is asked.</param>
    /// <param name="modelId">What the client calls its model.</param>
    /// <exception cref="NotSupportedException">An option is set that a question cannot be asked with.</exception>
    public static AskOptions Read(ChatOptions? options, IChatClient client, string modelId)
    {
        if (options is null)
            return new AskOptions();
        foreach (PropertyInfo property in Others)
        {
            if (property.GetValue(options) is { } value && !IsWithoutEffect(property.Name, value, modelId))
                throw new NotSupportedException($"ChatOptions.{property.Name} is set, which {ChainOfSpotChatClient.ProviderName} cannot honour{Reason(property.Name)}.");
        }
        AskOptions asked = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => new AskOptions(),
            AskOptions given => given,
            { } other => throw new NotSupportedException(
                $"ChatOptions.RawRepresentationFactory gives a {other.GetType().Name}; expected {nameof(AskOptions)}."),
        };
        return asked with
        {
            Temperature = options.Temperature ?? asked.Temperature,
            TopP = options.TopP ?? asked.TopP,
            Seed = options.Seed ?? asked.Seed,
            StopTexts = options.StopSequences is { Count: > 0 } stops ? [.. stops] : asked.StopTexts,
            MaxNewTokens = options.MaxOutputTokens ?? asked.MaxNewTokens,
        };
    }

    /// <summary>Whether a value asks for nothing but what is done in any case.</summary>
    private static bool IsWithoutEffect(string option, object value, string modelId) => value switch
    {
        string text => text.Length == 0 || (option == nameof(ChatOptions.ModelId) && text == modelId),
        ICollection list => list.Count == 0,
        IReadOnlyCollection<KeyValuePair<string, object?>> properties => properties.Count == 0,
        ChatResponseFormatText or NoneChatToolMode => true,
        _ => false,
    };

    private static string Reason(string option) => option switch
    {
        nameof(ChatOptions.Instructions) => ": its models are tuned to one fixed system prompt",
        nameof(ChatOptions.ModelId) => ": it has another model",
        nameof(ChatOptions.ConversationId) => ": it keeps no chats; send the messages before with the question",
        nameof(ChatOptions.ResponseFormat) => ": it answers in plain text",
        _ => "",
    };
}
