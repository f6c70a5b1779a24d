using ChainOfSpot.Images;
using Microsoft.Extensions.AI;

namespace ChainOfSpot.Extensions.AI;

/// <summary>
/// What the messages of a chat ask: a question about a picture, behind the questions before it and their answers. User messages
/// that follow each other are one turn.
/// </summary>
internal sealed class ChatQuestion
{
    private readonly List<ConversationTurn> _turns = [];
    private readonly List<string> _asked = [];

    /// <summary>Each picture once, with the message that it is in.</summary>
    private readonly List<(ReadOnlyMemory<byte> Encoded, string Origin)> _pictures = [];
    private readonly string _answerSuffix;

    private ChatQuestion(string answerSuffix) => _answerSuffix = answerSuffix;

    /// <summary>The question.</summary>
    public string Text => string.Join('\n', _asked);

    /// <summary>What was asked and answered before.</summary>
    public IReadOnlyList<ConversationTurn> Turns => _turns;

    /// <summary>Reads the messages of a chat.</summary>
    /// <param name="messages">User and assistant messages; the first turn has the picture, the last message is the question.</param>
    /// <param name="answerSuffix">What followed the questions that were looked at twice; see <see cref="AskOptions.AnswerSuffix"/>.</param>
    /// <exception cref="ArgumentException">There is no picture or no question, or an answer has no question before it.</exception>
    /// <exception cref="NotSupportedException">A message has a role or a content that cannot be asked with; the message names it.</exception>
    public static ChatQuestion Read(IEnumerable<ChatMessage> messages, string answerSuffix)
    {
        var question = new ChatQuestion(answerSuffix);
        int index = 0;
        foreach (ChatMessage message in messages)
        {
            string origin = $"messages[{index++}]";
            if (message.Role == ChatRole.User)
                question.Ask(message, origin);
            else if (message.Role == ChatRole.Assistant)
                question.Answer(message, origin);
            else
                throw new NotSupportedException(RefusalOf(message.Role, origin));
        }
        if (question._pictures.Count == 0)
            throw new ArgumentException("No message has a picture; expected a DataContent of an image in the first user message.", nameof(messages));
        if (question._asked.Count == 0)
            throw new ArgumentException("The last message is no question; expected a user message with text.", nameof(messages));
        return question;
    }

    /// <summary>Decodes the picture.</summary>
    /// <exception cref="PictureException">It is no picture that can be read.</exception>
    /// <exception cref="NotSupportedException">The messages have several pictures that differ.</exception>
    public Picture DecodePicture(PictureOptions options)
    {
        (ReadOnlyMemory<byte> encoded, string origin) = _pictures[0];
        Picture picture = Picture.Decode(encoded.Span, origin, options);
        foreach ((ReadOnlyMemory<byte> other, string otherOrigin) in _pictures.Skip(1))
        {
            if (Picture.Decode(other.Span, otherOrigin, options).Hash != picture.Hash)
                throw new NotSupportedException($"{otherOrigin} has another picture than {origin}; a chat is about one picture. Start another chat with it.");
        }
        return picture;
    }

    private void Ask(ChatMessage message, string origin)
    {
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    if (!string.IsNullOrWhiteSpace(text.Text))
                        _asked.Add(text.Text);
                    break;
                case DataContent data:
                    AddPicture(data, origin);
                    break;
                case UriContent { Uri.Scheme: "data" } uri:
                    AddPicture(new DataContent(uri.Uri, uri.MediaType), origin);
                    break;
                case UriContent uri:
                    throw new NotSupportedException(
                        $"{origin} names a picture by a {uri.Uri.Scheme} address, which is not fetched; give its bytes, as with DataContent.LoadFromAsync.");
                default:
                    throw new NotSupportedException($"{origin} has a {content.GetType().Name}; expected TextContent and DataContent of an image.");
            }
        }
    }

    private void AddPicture(DataContent data, string origin)
    {
        if (!data.HasTopLevelMediaType("image"))
            throw new NotSupportedException($"{origin} has data of type {data.MediaType}; expected an image.");
        if (_turns.Count > 0 && _pictures.Count == 0)
            throw new NotSupportedException($"{origin} brings the chat's picture after a question was answered without one; expected it in the first turn.");
        if (!_pictures.Exists(picture => picture.Encoded.Span.SequenceEqual(data.Data.Span)))
            _pictures.Add((data.Data, origin));
    }

    private void Answer(ChatMessage message, string origin)
    {
        if (_asked.Count == 0)
            throw new ArgumentException($"{origin} is an answer without a question before it.");
        foreach (AIContent content in message.Contents)
        {
            if (content is not (TextContent or UsageContent))
                throw new NotSupportedException($"{origin} has a {content.GetType().Name}; expected an answer's TextContent.");
        }
        string? regionText = RegionProperties.TextIn(message.AdditionalProperties);
        _turns.Add(new ConversationTurn
        {
            Question = Text,
            RegionText = regionText,
            AnswerSuffix = regionText is null ? "" : _answerSuffix,
            Answer = message.Text,
        });
        _asked.Clear();
    }

    private static string RefusalOf(ChatRole role, string origin) => role == ChatRole.System
        ? $"{origin} is a system message; Chain-of-Spot's models are tuned to one fixed system prompt, which the engine puts there."
        : $"{origin} has the role {role}; expected {ChatRole.User} or {ChatRole.Assistant}.";
}
