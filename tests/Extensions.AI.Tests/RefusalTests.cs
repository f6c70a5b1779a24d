using Microsoft.Extensions.AI;
using static ChainOfSpot.Extensions.AI.Tests.SpotTinyEngine;

namespace ChainOfSpot.Extensions.AI.Tests;

/// <summary>What a chat asks for and the engine cannot do is refused by its name.</summary>
public sealed class RefusalTests(SpotTinyEngine spotTiny) : IClassFixture<SpotTinyEngine>
{
    private static readonly string[] Honoured =
    [
        nameof(ChatOptions.Temperature), nameof(ChatOptions.TopP), nameof(ChatOptions.Seed), nameof(ChatOptions.StopSequences),
        nameof(ChatOptions.MaxOutputTokens), nameof(ChatOptions.RawRepresentationFactory),
    ];

    private readonly ChainOfSpotChatClient _client = spotTiny.Client;

    /// <summary>A value of every option that is not honoured, by its name.</summary>
    public static TheoryData<string, object> Refused => new()
    {
        { nameof(ChatOptions.ConversationId), "chat-1" },
        { nameof(ChatOptions.Instructions), "Be brief." },
        { nameof(ChatOptions.TopK), 5 },
        { nameof(ChatOptions.FrequencyPenalty), 0f },
        { nameof(ChatOptions.PresencePenalty), 0.5f },
        { nameof(ChatOptions.Reasoning), new ReasoningOptions() },
        { nameof(ChatOptions.ResponseFormat), ChatResponseFormat.Json },
        { nameof(ChatOptions.ModelId), "another" },
        { nameof(ChatOptions.AllowMultipleToolCalls), false },
        { nameof(ChatOptions.ToolMode), ChatToolMode.RequireAny },
        { nameof(ChatOptions.Tools), new List<AITool> { AIFunctionFactory.Create(() => 1, "one") } },
        { nameof(ChatOptions.AllowBackgroundResponses), true },
        { nameof(ChatOptions.ContinuationToken), ResponseContinuationToken.FromBytes(new byte[1]) },
        { nameof(ChatOptions.AdditionalProperties), new AdditionalPropertiesDictionary { ["min_p"] = 0.1 } },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task An_option_that_cannot_be_honoured_is_refused(string name, object value)
    {
        var options = new ChatOptions();
        typeof(ChatOptions).GetProperty(name)!.SetValue(options, value);
        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(
            () => _client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), options, Cancellation));
        Assert.StartsWith($"ChatOptions.{name} is set", error.Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(
            () => { _client.GetStreamingResponseAsync([UserMessage(NumberQuestion, Picture())], options, Cancellation); });
    }

    [Fact]
    public void Every_option_of_the_library_is_honoured_or_refused() => Assert.Equal(
        typeof(ChatOptions).GetProperties().Select(p => p.Name).Order(),
        Honoured.Concat(Refused.Select(row => row.Data.Item1)).Order());

    [Fact]
    public async Task Options_that_ask_for_nothing_more_are_taken()
    {
        var options = new ChatOptions
        {
            ModelId = "spot-tiny",
            ResponseFormat = ChatResponseFormat.Text,
            ToolMode = ChatToolMode.None,
            Tools = [],
            StopSequences = [],
            AdditionalProperties = [],
        };
        Assert.Equal(Number, (await _client.GetResponseAsync(UserMessage(NumberQuestion, Picture()), options, Cancellation)).Text);
    }

    [Fact]
    public async Task Messages_that_cannot_be_asked_with_are_refused()
    {
        DataContent picture = Picture();
        ChatMessage asked = UserMessage(NumberQuestion, picture);
        ChatMessage answered = new(ChatRole.Assistant, Number);
        await RefusedAsync<NotSupportedException>("messages[0] is a system message", new ChatMessage(ChatRole.System, "Be brief."), asked);
        await RefusedAsync<NotSupportedException>("messages[1] has the role tool", asked, new ChatMessage(ChatRole.Tool, "1"));
        await RefusedAsync<NotSupportedException>("http address", UserMessage(NumberQuestion, new UriContent("http://localhost/a.png", "image/png")));
        await RefusedAsync<NotSupportedException>("file address", UserMessage(NumberQuestion, new UriContent("file:///etc/a.png", "image/png")));
        await RefusedAsync<NotSupportedException>("application/pdf", UserMessage(NumberQuestion, new DataContent(picture.Data, "application/pdf")));
        await RefusedAsync<NotSupportedException>("HostedFileContent", UserMessage(NumberQuestion, picture, new HostedFileContent("id")));
        await RefusedAsync<NotSupportedException>("messages[2] has another picture", asked, answered, UserMessage(CountQuestion, Picture("shapes-2.png")));
        await RefusedAsync<NotSupportedException>("messages[2] brings the chat's picture", UserMessage("Hello"), answered, asked);
        await RefusedAsync<NotSupportedException>(
            "messages[1] has a FunctionCallContent", asked, new ChatMessage(ChatRole.Assistant, [new FunctionCallContent("1", "one")]), asked);
        await RefusedAsync<ArgumentException>("No message has a picture", UserMessage(NumberQuestion));
        await RefusedAsync<ArgumentException>("The last message is no question", asked, answered);
        await RefusedAsync<ArgumentException>("messages[0] is an answer", answered, asked);
        await RefusedAsync<ArgumentException>(
            RegionProperties.Text, asked, new ChatMessage(ChatRole.Assistant, Number) { AdditionalProperties = new() { [RegionProperties.Text] = 7 } }, UserMessage(CountQuestion));
        await RefusedAsync<Images.PictureException>("messages[0]", UserMessage(NumberQuestion, new DataContent(new byte[] { 1, 2, 3 }, "image/png")));
        await RefusedAsync<ContextLengthException>("positions", UserMessage(new string('x', 5000), picture));
    }

    private async Task RefusedAsync<TException>(string why, params ChatMessage[] chat)
        where TException : Exception
    {
        TException error = await Assert.ThrowsAsync<TException>(() => _client.GetResponseAsync(chat, cancellationToken: Cancellation));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }
}
