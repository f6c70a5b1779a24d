using System.Runtime.CompilerServices;
using ChainOfSpot.Images;
using Microsoft.Extensions.AI;

namespace ChainOfSpot.Extensions.AI;

/// <summary>
/// A chat about a picture, answered by an engine that looks twice. The picture is a <see cref="DataContent"/> in the first user
/// message, the question text; messages before the last one are the conversation so far. What was computed of the picture and of
/// the conversation is kept by the engine and found again by its pixels and ids, so sending all of it again costs little.
/// <para>
/// An answer has the region that was looked at under the names of <see cref="RegionProperties"/>, how many of its input tokens
/// were cached, and the engine's <see cref="Answer"/> as its raw representation. Temperature, top-p, seed, stop sequences and
/// output tokens are honoured; all that the engine has beyond these is <see cref="AskOptions"/>, which
/// <see cref="ChatOptions.RawRepresentationFactory"/> may give. Whatever else is set, a system message too, is refused with a
/// <see cref="NotSupportedException"/> that names it.
/// </para>
/// Thread-safe.
/// </summary>
public sealed class ChainOfSpotChatClient : IChatClient
{
    /// <summary>What <see cref="ChatClientMetadata"/> calls the provider.</summary>
    public const string ProviderName = "chainofspot";

    private readonly Func<CancellationToken, Task<ChainOfSpotEngine>> _engine;
    private readonly PictureOptions _pictures;
    private readonly ChatClientMetadata _metadata;
    private volatile ChainOfSpotEngine? _loaded;

    /// <summary>A client of an engine, which stays its caller's to dispose.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="pictures">How pictures are read; null to turn them upright, within the default limit of pixels.</param>
    public ChainOfSpotChatClient(ChainOfSpotEngine engine, PictureOptions? pictures = null)
        : this(_ => Task.FromResult(engine), (engine ?? throw new ArgumentNullException(nameof(engine))).ModelPath, pictures) => _loaded = engine;

    /// <summary>A client of an engine that may still be loading.</summary>
    internal ChainOfSpotChatClient(Func<CancellationToken, Task<ChainOfSpotEngine>> engine, string modelPath, PictureOptions? pictures)
    {
        _engine = engine;
        _pictures = pictures ?? DefaultPictures;
        _metadata = new ChatClientMetadata(ProviderName, defaultModelId: ChainOfSpotEngine.NameOf(modelPath));
    }

    /// <summary>Upright, as a person would see them.</summary>
    internal static PictureOptions DefaultPictures => new() { ApplyExifOrientation = true };

    private string ModelId => _metadata.DefaultModelId!;

    /// <summary>Answers the question that the last message asks.</summary>
    /// <param name="messages">The chat: user and assistant messages, the picture in the first turn.</param>
    /// <param name="options">How it is answered.</param>
    /// <param name="cancellationToken">Stops within one layer of the model, or behind the step that other questions are in.</param>
    /// <exception cref="ArgumentException">A message or an option is not what it should be.</exception>
    /// <exception cref="NotSupportedException">A message or an option asks for what the engine cannot do.</exception>
    /// <exception cref="PictureException">The picture cannot be read.</exception>
    /// <exception cref="ContextLengthException">The chat is longer than the model's context.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        (ChatQuestion question, AskOptions ask) = Read(messages, options);
        SpotConversation conversation = await OpenAsync(question, cancellationToken).ConfigureAwait(false);
        Answer answer = await conversation.AskAsync(question.Text, ask, cancellationToken).ConfigureAwait(false);
        AdditionalPropertiesDictionary? region = answer.Region is { } looked ? RegionProperties.Of(looked) : null;
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, answer.Text)
        {
            MessageId = NewId(),
            CreatedAt = DateTimeOffset.UtcNow,
            AdditionalProperties = region,
            RawRepresentation = answer,
        })
        {
            ResponseId = NewId(),
            ModelId = ModelId,
            CreatedAt = DateTimeOffset.UtcNow,
            FinishReason = FinishReasonOf(answer),
            Usage = UsageOf(answer),
            AdditionalProperties = region?.Clone(),
            RawRepresentation = answer,
        };
    }

    /// <summary>
    /// Answers the question bit by bit: first an update with the region, then text as it is decoded, at last the usage and why it
    /// ended. Ending the enumeration early cancels the question.
    /// </summary>
    /// <inheritdoc cref="GetResponseAsync"/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        (ChatQuestion question, AskOptions ask) = Read(messages, options);
        return StreamAsync(question, ask, cancellationToken);
    }

    /// <summary>The client, its <see cref="ChatClientMetadata"/>, or its <see cref="ChainOfSpotEngine"/> once that has been asked.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        if (serviceType == typeof(ChatClientMetadata))
            return _metadata;
        if (serviceType == typeof(ChainOfSpotEngine))
            return _loaded;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: the engine is its owner's to dispose.</summary>
    public void Dispose()
    {
    }

    private static string NewId() => Guid.NewGuid().ToString("N");

    private static ChatFinishReason FinishReasonOf(Answer answer) => answer.IsTruncated ? ChatFinishReason.Length : ChatFinishReason.Stop;

    private static UsageDetails UsageOf(Answer answer) => new()
    {
        InputTokenCount = answer.Usage.InputTokens,
        OutputTokenCount = answer.Usage.OutputTokens,
        TotalTokenCount = answer.Usage.InputTokens + answer.Usage.OutputTokens,
        CachedInputTokenCount = answer.Usage.CachedInputTokens,
    };

    private (ChatQuestion Question, AskOptions Ask) Read(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        AskOptions ask = ChatAskOptions.Read(options, this, ModelId);
        return (ChatQuestion.Read(messages, ask.AnswerSuffix), ask);
    }

    private async Task<SpotConversation> OpenAsync(ChatQuestion question, CancellationToken cancellation)
    {
        ChainOfSpotEngine engine = await _engine(cancellation).ConfigureAwait(false);
        _loaded = engine;
        Picture picture = await Task.Run(() => question.DecodePicture(_pictures), cancellation).ConfigureAwait(false);
        return engine.OpenImage(picture).StartConversation(question.Turns);
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        ChatQuestion question, AskOptions ask, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string responseId = NewId();
        string messageId = NewId();
        SpotConversation conversation = await OpenAsync(question, cancellation).ConfigureAwait(false);
        await foreach (AnswerUpdate update in conversation.AskStreamingAsync(question.Text, ask, cancellation).ConfigureAwait(false))
        {
            yield return new ChatResponseUpdate(ChatRole.Assistant, ContentsOf(update))
            {
                ResponseId = responseId,
                MessageId = messageId,
                ModelId = ModelId,
                CreatedAt = DateTimeOffset.UtcNow,
                FinishReason = update.Answer is { } answer ? FinishReasonOf(answer) : null,
                AdditionalProperties = update.Region is { } region ? RegionProperties.Of(region) : null,
                RawRepresentation = update,
            };
        }
    }

    private static List<AIContent> ContentsOf(AnswerUpdate update) => update switch
    {
        { Answer: { } answer } => [new UsageContent(UsageOf(answer))],
        { Text.Length: > 0 } => [new TextContent(update.Text)],
        _ => [],
    };
}
